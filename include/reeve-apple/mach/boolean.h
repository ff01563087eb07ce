/* boolean_t, TRUE and FALSE. */
#ifndef REEVE_APPLE_MACH_BOOLEAN_H
#define REEVE_APPLE_MACH_BOOLEAN_H

typedef int boolean_t;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

#endif
