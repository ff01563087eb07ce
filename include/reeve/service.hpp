/// reeve::serve, reeve::Service, reeve::Transaction: being a service.
#pragma once

#include <reeve/rooms/bootstrap/reeve.hpp>
