/// reeve::connect, reeve::Proxy, reeve::Connection: calling a service by name.
#pragma once

#include <reeve/rooms/bootstrap/reeve.hpp>
