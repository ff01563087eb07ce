/// Message ports, as CFMessagePort has them: reeve::LocalPort, reeve::RemotePort, reeve::serve_port.
#pragma once

#include <reeve/rooms/message_port/local_port.hpp>
#include <reeve/rooms/message_port/remote_port.hpp>
