/* The macros of Availability.h, under their older header. */
#ifndef REEVE_APPLE_AVAILABILITYMACROS_H
#define REEVE_APPLE_AVAILABILITYMACROS_H

#include <Availability.h>


#endif
