/// Ports as Mach has them: SendRight, SendOnceRight, ReceiveRight, PortSet, PortSpace.
#pragma once

#include <reeve/rooms/port/rights.hpp>
