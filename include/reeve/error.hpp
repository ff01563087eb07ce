/// reeve::Result, reeve::Error, reeve::Kind: what every call returns.
#pragma once

#include <reeve/rooms/vocab/result.hpp>
