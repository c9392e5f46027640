#pragma once
// SHA256_Init and its kin are marked deprecated since OpenSSL 3.0 in favour of EVP. We want them: the context is a
// plain struct, nothing is allocated and nothing can fail, so hashing needs no error path.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
