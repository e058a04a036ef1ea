// What Swift cannot call of OpenSSL 3.0: macros and variadics become static inline functions.
// Nothing that OpenSSL 3.0 calls deprecated can be compiled through this header.
#ifndef KEYVAL_COPENSSL_SHIM_H
#define KEYVAL_COPENSSL_SHIM_H

#define OPENSSL_API_COMPAT 30000
#define OPENSSL_NO_DEPRECATED 1

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// OPENSSL_free is a macro that adds file and line.
static inline void keyval_openssl_free(void *pointer) { OPENSSL_free(pointer); }

// BIO_get_mem_data is a macro over BIO_ctrl.
static inline long keyval_bio_memory(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

// Parameter names are macros. The parameters keep pointing at these string literals, which live for ever.
static inline OSSL_PARAM keyval_tag_parameter(size_t length) {
  return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, length);
}

static inline OSSL_PARAM keyval_sha384_parameter(void) {
  return OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA2-384", 0);
}

// A callback for PEM readers that never has a passphrase: OpenSSL's own asks the terminal.
static inline int keyval_no_passphrase(char *buffer, int size, int writing, void *context) {
  (void)buffer; (void)size; (void)writing; (void)context;
  return -1;
}

static inline EVP_PKEY *keyval_read_private_key(BIO *bio) {
  return PEM_read_bio_PrivateKey(bio, NULL, keyval_no_passphrase, NULL);
}

static inline EVP_PKEY *keyval_read_public_key(BIO *bio) {
  return PEM_read_bio_PUBKEY(bio, NULL, keyval_no_passphrase, NULL);
}

static inline X509 *keyval_read_certificate(BIO *bio) {
  return PEM_read_bio_X509(bio, NULL, keyval_no_passphrase, NULL);
}

#endif
