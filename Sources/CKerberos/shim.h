#include <krb5.h>
#include <gssapi/gssapi.h>
