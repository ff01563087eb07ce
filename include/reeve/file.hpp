/// reeve::File: a regular file on its way to another process.
#pragma once

#include <reeve/rooms/object/file.hpp>
