// The numbers and variables by which our programs hand descriptors to those that they start.
#pragma once

namespace reeve::contract {

/// A service's control channel; in a preset its second filter, and where the job wants denials explained the line over
/// which it tells of them. The variables hold the numbers.
inline constexpr int kControlNumber = 3;
inline constexpr int kFilterNumber = 4;
inline constexpr int kDenialsNumber = 5;
inline constexpr const char* kControlVariable = "REEVE_CONTROL";
inline constexpr const char* kFilterVariable = "REEVE_FILTER";
inline constexpr const char* kDenialsVariable = "REEVE_DENIALS";

/// The pipe over which an embedded broker reports to the client that started it.
inline constexpr int kReportNumber = 3;

/// The line of broker and spawner to their supervisor.
inline constexpr int kSupervisorLineNumber = 3;

}  // namespace reeve::contract
