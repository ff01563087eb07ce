/// Property lists in their binary form: plist::PropertyList, plist::Writer, plist::decode, plist::encode.
#pragma once

#include <reeve/rooms/plist/property_list.hpp>
#include <reeve/rooms/plist/writer.hpp>
