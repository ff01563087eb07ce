/// All of Reeve.
#pragma once

#include <reeve/connection.hpp>
#include <reeve/error.hpp>
#include <reeve/file.hpp>
#include <reeve/group.hpp>
#include <reeve/object.hpp>
#include <reeve/port.hpp>
#include <reeve/service.hpp>
