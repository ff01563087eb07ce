/* How the sender of an interface's message writes numbers: on Linux as here, little endian, IEEE, ASCII. */
#ifndef REEVE_APPLE_MACH_NDR_H
#define REEVE_APPLE_MACH_NDR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  unsigned char mig_vers;
  unsigned char if_vers;
  unsigned char reserved1;
  unsigned char mig_encoding;
  unsigned char int_rep;
  unsigned char char_rep;
  unsigned char float_rep;
  unsigned char reserved2;
} NDR_record_t;

#define NDR_PROTOCOL_2_0 0
#define NDR_INT_BIG_ENDIAN 0
#define NDR_INT_LITTLE_ENDIAN 1
#define NDR_FLOAT_IEEE 0
#define NDR_CHAR_ASCII 0

extern NDR_record_t NDR_record;

#ifdef __cplusplus
}
#endif

#endif
