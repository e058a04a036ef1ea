// What Swift cannot import from the MIT Kerberos headers by itself: macros with casts, and globals that
// Swift 6 takes for mutable shared state. Nothing here decides anything; it only names.
#ifndef KEYVAL_CKERBEROS_SHIM_H
#define KEYVAL_CKERBEROS_SHIM_H

#include <krb5.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <kadm5/admin.h>
#include <sys/syscall.h>
#include <unistd.h>

// The only mechanism ever offered or accepted: Kerberos 5, never SPNEGO.
static inline gss_OID keyval_gss_mechanism_krb5(void) { return gss_mech_krb5; }
// Principals as krb5 writes them, so that nothing is looked up in DNS or rewritten.
static inline gss_OID keyval_gss_principal_name_type(void) { return GSS_KRB5_NT_PRINCIPAL_NAME; }
static inline gss_OID keyval_gss_inquire_session_key(void) { return GSS_C_INQ_SSPI_SESSION_KEY; }

static inline int keyval_gss_is_error(OM_uint32 major) { return GSS_ERROR(major) != 0; }
static inline int keyval_gss_continue_needed(OM_uint32 major) {
  return (major & GSS_S_CONTINUE_NEEDED) != 0;
}
static inline OM_uint32 keyval_gss_routine_error(OM_uint32 major) { return GSS_ROUTINE_ERROR(major); }

static inline OM_uint32 keyval_gss_bad_bindings(void) { return GSS_S_BAD_BINDINGS; }
static inline OM_uint32 keyval_gss_defective_token(void) { return GSS_S_DEFECTIVE_TOKEN; }
static inline OM_uint32 keyval_gss_bad_mechanism(void) { return GSS_S_BAD_MECH; }
static inline OM_uint32 keyval_gss_no_credential(void) { return GSS_S_NO_CRED; }
static inline OM_uint32 keyval_gss_credentials_expired(void) { return GSS_S_CREDENTIALS_EXPIRED; }
static inline OM_uint32 keyval_gss_duplicate_token(void) { return GSS_S_DUPLICATE_TOKEN; }

static inline int keyval_gss_status_mechanism_code(void) { return GSS_C_MECH_CODE; }
static inline int keyval_gss_status_gss_code(void) { return GSS_C_GSS_CODE; }
static inline OM_uint32 keyval_gss_indefinite(void) { return GSS_C_INDEFINITE; }

static inline krb5_data *keyval_krb5_principal_realm(krb5_principal principal) {
  return &principal->realm;
}

// A file that is on no disk and closes on exec (1 = MFD_CLOEXEC); glibc's own name for it is a GNU extension.
static inline int keyval_memory_file(const char *name) {
  return (int)syscall(SYS_memfd_create, name, 1u);
}

#endif
