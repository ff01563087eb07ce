/// reeve::serve: being a service.
#pragma once

#include <reeve/rooms/bootstrap/reeve.hpp>
