#pragma once
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

// errno of the call just made.
static inline int cmosquitto_errno(void) { return errno; }

// Keeps the first reason why a certificate was refused: libmosquitto itself only says "certificate verify failed".
static inline int cmosquitto_verified(int ok, X509_STORE_CTX *store) {
    if (!ok) {
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        int *why = ssl ? SSL_get_app_data(ssl) : NULL;
        if (why && *why == X509_V_OK) *why = X509_STORE_CTX_get_error(store);
    }
    return ok;
}

// Lets OpenSSL itself check the name in the certificate of a connection that was just begun, and write the reason of
// a refusal to `why`, which must live as long as the client. 1 when set, 0 when it could not be.
static inline int cmosquitto_verify_name(struct mosquitto *client, const char *host, int *why) {
    SSL *ssl = mosquitto_ssl_get(client);
    if (!ssl) return 0;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (!X509_VERIFY_PARAM_set1_ip_asc(param, host) && !SSL_set1_host(ssl, host)) return 0;
    SSL_set_app_data(ssl, why);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, cmosquitto_verified);
    return 1;
}

// Whether the handshake is over and TLS 1.3 was agreed: then the broker says only afterwards what it thinks of us.
static inline int cmosquitto_is_judging(struct mosquitto *client) {
    SSL *ssl = mosquitto_ssl_get(client);
    return ssl && SSL_is_init_finished(ssl) && SSL_version(ssl) >= TLS1_3_VERSION;
}

// An encrypted key would make OpenSSL ask on the terminal: there is none.
static inline int cmosquitto_no_password(char *buffer, int size, int writing, void *client) {
    (void)buffer; (void)size; (void)writing; (void)client;
    return 0;
}

// mosquitto_tls_set with that.
static inline int cmosquitto_tls_set(
    struct mosquitto *client, const char *file, const char *folder, const char *certificate, const char *key) {
    return mosquitto_tls_set(client, file, folder, certificate, key, cmosquitto_no_password);
}

// What became of a connect that was begun: 0, or the errno.
static inline int cmosquitto_socket_error(int socket) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) ? errno : error;
}

// Holds small packets back until several make one segment.
static inline void cmosquitto_cork(int socket, int held) {
    setsockopt(socket, IPPROTO_TCP, TCP_CORK, &held, sizeof held);
}

// How many addresses a host name has; 0 when it has none now.
static inline int cmosquitto_address_count(const char *host) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found)) return 0;
    int count = 0;
    for (struct addrinfo *each = found; each; each = each->ai_next) count++;
    freeaddrinfo(found);
    return count;
}
