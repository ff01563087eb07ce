/// reeve::Object and what it may hold: null, bool, int64, uint64, double, Date, Data, string, Uuid, Array, Dictionary,
/// and what travels beside the bytes: File, Memory, Endpoint, Right.
#pragma once

#include <reeve/rooms/object/object.hpp>
#include <reeve/rooms/object/typed.hpp>
