/// What the programs of an app group share: container().
#pragma once

#include <reeve/rooms/group/group.hpp>
