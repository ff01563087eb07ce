/// reeve::fuzz: a fuzzer of a service, from its interface.
#pragma once

#include <reeve/rooms/connection/fuzz.hpp>
