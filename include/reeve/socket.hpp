/// Messages over stream sockets in an app group's folder: reeve::SocketServer, reeve::SocketClient,
/// reeve::SocketMessage.
#pragma once

#include <reeve/rooms/bsd/client.hpp>
#include <reeve/rooms/bsd/server.hpp>
