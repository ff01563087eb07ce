// A descriptor that a program executed by a copy of this process finds under a number of which it is told.
//
// Threads: any; a number is one owner's.
#pragma once

#include "fd.hpp"

namespace reeve::os {

/// A descriptor for the sake of its number: nothing can be read from it, and no program gets it.
Result<Fd> place_holder();

/// Whether a program that is executed has it.
enum class Kept : bool { no, yes };

/// From now on the number is another one for what `what` is; `number` itself may be given, to change who has it.
void keep_for_programs(const Fd& what, const Fd& number, Kept kept);

}  // namespace reeve::os
