/// reeve::Result, reeve::Error, reeve::Kind: what every call returns. reeve::printable: before you show it to people.
#pragma once

#include <reeve/rooms/vocab/result.hpp>
#include <reeve/rooms/vocab/text.hpp>
