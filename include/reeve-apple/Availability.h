/* What says since when a call is there says nothing here. */
#ifndef REEVE_APPLE_AVAILABILITY_H
#define REEVE_APPLE_AVAILABILITY_H

#define __OSX_AVAILABLE(version)
#define __IOS_AVAILABLE(version)
#define __TVOS_AVAILABLE(version)
#define __WATCHOS_AVAILABLE(version)
#define __OSX_AVAILABLE_STARTING(osx, ios)
#define __OSX_AVAILABLE_BUT_DEPRECATED(introduced, deprecated, ios_introduced, ios_deprecated)
#define __OSX_DEPRECATED(introduced, deprecated, message)
#define __IOS_PROHIBITED
#define __TVOS_PROHIBITED
#define __WATCHOS_PROHIBITED
#define API_AVAILABLE(...)
#define API_DEPRECATED(...)
#define API_DEPRECATED_WITH_REPLACEMENT(...)
#define API_UNAVAILABLE(...)
#define SPI_AVAILABLE(...)
#define SPI_DEPRECATED(...)

#endif
