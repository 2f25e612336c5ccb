/* The functions of libpq that connections need, each handed on to the library, which is opened when it is asked for:
 * Kerberos, LDAP and TLS come with it, some twenty libraries. */
#include "CLibpq.h"

#include "lazy_library.h"

#include <stddef.h>

static struct lazy_library library = LAZY_LIBRARY("libpq.so.5", "libpq5",
                 "PQconninfoParse",
                 "PQconninfo",
                 "PQconninfoFree",
                 "PQconnectdbParams",
                 "PQfinish",
                 "PQstatus",
                 "PQerrorMessage",
                 "PQsocket",
                 "PQbackendPID",
                 "PQserverVersion",
                 "PQtransactionStatus",
                 "PQparameterStatus",
                 "PQuser",
                 "PQhost",
                 "PQport",
                 "PQdb",
                 "PQsetNoticeReceiver",
                 "PQnotifies",
                 "PQconsumeInput",
                 "PQgetCancel",
                 "PQcancel",
                 "PQfreeCancel",
                 "PQfreemem",
                 "PQexec",
                 "PQexecParams",
                 "PQprepare",
                 "PQexecPrepared",
                 "PQsendQuery",
                 "PQsendQueryParams",
                 "PQsendPrepare",
                 "PQsendQueryPrepared",
                 "PQsendDescribePrepared",
                 "PQsetSingleRowMode",
                 "PQenterPipelineMode",
                 "PQpipelineSync",
                 "PQexitPipelineMode",
                 "PQgetResult",
                 "PQputCopyData",
                 "PQputCopyEnd",
                 "PQgetCopyData",
                 "PQresultStatus",
                 "PQresultErrorField",
                 "PQcmdStatus",
                 "PQcmdTuples",
                 "PQntuples",
                 "PQnfields",
                 "PQfname",
                 "PQftype",
                 "PQgetisnull",
                 "PQgetlength",
                 "PQgetvalue",
                 "PQclear");

/* OpenSSL reads its settings and fetches its algorithms when the first of them is used. A password is answered with random
 * bytes and HMAC: this makes them ready while the server begins a session. Nothing where there is no OpenSSL, or one before
 * 1.1, which threads may not use at once. */
static void *prepare_openssl(void *unused) {
  unsigned char bytes[64];
  const void *(*sha256)(void) = lazy_library_function(&library, "EVP_sha256");
  unsigned char *(*hmac)(const void *, const void *, int, const unsigned char *, size_t, unsigned char *, unsigned int *) =
      lazy_library_function(&library, "HMAC");
  int (*random)(unsigned char *, int) = lazy_library_function(&library, "RAND_bytes");
  if (sha256 && hmac && random && lazy_library_function(&library, "OPENSSL_init_crypto")) {
    random(bytes, 1);
    hmac(sha256(), "", 0, bytes, 1, bytes, NULL);
  }
  return unused;
}

static void begin_to_prepare(void) {
  pthread_t thread;
  if (!pthread_create(&thread, NULL, prepare_openssl, NULL)) pthread_detach(thread);
}

const char *adbvec_libpq_problem(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  const char *problem = lazy_library_problem(&library);
  if (!problem) pthread_once(&once, begin_to_prepare);
  return problem;
}

static void *open_library(void *unused) {
  lazy_library_problem(&library);
  return unused;
}

void adbvec_libpq_open_ahead(void) {
  pthread_t thread;
  if (!pthread_create(&thread, NULL, open_library, NULL)) pthread_detach(thread);
}

/* Not for other libraries of the process, which would take these functions for libpq's own. */
#pragma GCC visibility push(hidden)

#define FORWARD(type, name, otherwise, parameters, arguments) \
  type name parameters {                                      \
    LAZY_REAL(&library, name, otherwise)                      \
    return real arguments;                                    \
  }

/* Connections. */
FORWARD(PQconninfoOption *, PQconninfoParse, NULL, (const char *conninfo, char **errmsg), (conninfo, errmsg))
FORWARD(PQconninfoOption *, PQconninfo, NULL, (PGconn *conn), (conn))
FORWARD(void, PQconninfoFree, , (PQconninfoOption *connOptions), (connOptions))
FORWARD(PGconn *, PQconnectdbParams, NULL,
        (const char *const *keywords, const char *const *values, int expand_dbname),
        (keywords, values, expand_dbname))
FORWARD(void, PQfinish, , (PGconn *conn), (conn))
FORWARD(ConnStatusType, PQstatus, CONNECTION_BAD, (const PGconn *conn), (conn))
FORWARD(char *, PQerrorMessage, NULL, (const PGconn *conn), (conn))
FORWARD(int, PQsocket, -1, (const PGconn *conn), (conn))
FORWARD(int, PQbackendPID, 0, (const PGconn *conn), (conn))
FORWARD(int, PQserverVersion, 0, (const PGconn *conn), (conn))
FORWARD(PGTransactionStatusType, PQtransactionStatus, PQTRANS_UNKNOWN, (const PGconn *conn), (conn))
FORWARD(const char *, PQparameterStatus, NULL, (const PGconn *conn, const char *paramName), (conn, paramName))
FORWARD(char *, PQuser, NULL, (const PGconn *conn), (conn))
FORWARD(char *, PQhost, NULL, (const PGconn *conn), (conn))
FORWARD(char *, PQport, NULL, (const PGconn *conn), (conn))
FORWARD(char *, PQdb, NULL, (const PGconn *conn), (conn))
FORWARD(PQnoticeReceiver, PQsetNoticeReceiver, NULL,
        (PGconn *conn, PQnoticeReceiver proc, void *arg),
        (conn, proc, arg))
FORWARD(PGnotify *, PQnotifies, NULL, (PGconn *conn), (conn))
FORWARD(int, PQconsumeInput, 0, (PGconn *conn), (conn))
FORWARD(PGcancel *, PQgetCancel, NULL, (PGconn *conn), (conn))
FORWARD(int, PQcancel, 0, (PGcancel *cancel, char *errbuf, int errbufsize), (cancel, errbuf, errbufsize))
FORWARD(void, PQfreeCancel, , (PGcancel *cancel), (cancel))
FORWARD(void, PQfreemem, , (void *ptr), (ptr))

/* Statements. */
FORWARD(PGresult *, PQexec, NULL, (PGconn *conn, const char *query), (conn, query))
FORWARD(PGresult *, PQexecParams, NULL,
        (PGconn *conn, const char *command, int nParams, const Oid *paramTypes, const char *const *paramValues,
         const int *paramLengths, const int *paramFormats, int resultFormat),
        (conn, command, nParams, paramTypes, paramValues, paramLengths, paramFormats, resultFormat))
FORWARD(PGresult *, PQprepare, NULL,
        (PGconn *conn, const char *stmtName, const char *query, int nParams, const Oid *paramTypes),
        (conn, stmtName, query, nParams, paramTypes))
FORWARD(PGresult *, PQexecPrepared, NULL,
        (PGconn *conn, const char *stmtName, int nParams, const char *const *paramValues, const int *paramLengths,
         const int *paramFormats, int resultFormat),
        (conn, stmtName, nParams, paramValues, paramLengths, paramFormats, resultFormat))
FORWARD(int, PQsendQuery, 0, (PGconn *conn, const char *query), (conn, query))
FORWARD(int, PQsendQueryParams, 0,
        (PGconn *conn, const char *command, int nParams, const Oid *paramTypes, const char *const *paramValues,
         const int *paramLengths, const int *paramFormats, int resultFormat),
        (conn, command, nParams, paramTypes, paramValues, paramLengths, paramFormats, resultFormat))
FORWARD(int, PQsendPrepare, 0,
        (PGconn *conn, const char *stmtName, const char *query, int nParams, const Oid *paramTypes),
        (conn, stmtName, query, nParams, paramTypes))
FORWARD(int, PQsendQueryPrepared, 0,
        (PGconn *conn, const char *stmtName, int nParams, const char *const *paramValues, const int *paramLengths,
         const int *paramFormats, int resultFormat),
        (conn, stmtName, nParams, paramValues, paramLengths, paramFormats, resultFormat))
FORWARD(int, PQsendDescribePrepared, 0, (PGconn *conn, const char *stmt), (conn, stmt))
FORWARD(int, PQsetSingleRowMode, 0, (PGconn *conn), (conn))
FORWARD(int, PQenterPipelineMode, 0, (PGconn *conn), (conn))
FORWARD(int, PQpipelineSync, 0, (PGconn *conn), (conn))
FORWARD(int, PQexitPipelineMode, 0, (PGconn *conn), (conn))
FORWARD(PGresult *, PQgetResult, NULL, (PGconn *conn), (conn))
FORWARD(int, PQputCopyData, -1, (PGconn *conn, const char *buffer, int nbytes), (conn, buffer, nbytes))
FORWARD(int, PQputCopyEnd, -1, (PGconn *conn, const char *errormsg), (conn, errormsg))
FORWARD(int, PQgetCopyData, -2, (PGconn *conn, char **buffer, int async), (conn, buffer, async))

/* Results. */
FORWARD(ExecStatusType, PQresultStatus, PGRES_FATAL_ERROR, (const PGresult *res), (res))
FORWARD(char *, PQresultErrorField, NULL, (const PGresult *res, int fieldcode), (res, fieldcode))
FORWARD(char *, PQcmdStatus, NULL, (PGresult *res), (res))
FORWARD(char *, PQcmdTuples, NULL, (PGresult *res), (res))
FORWARD(int, PQntuples, 0, (const PGresult *res), (res))
FORWARD(int, PQnfields, 0, (const PGresult *res), (res))
FORWARD(char *, PQfname, NULL, (const PGresult *res, int field_num), (res, field_num))
FORWARD(Oid, PQftype, InvalidOid, (const PGresult *res, int field_num), (res, field_num))
FORWARD(int, PQgetisnull, 1, (const PGresult *res, int tup_num, int field_num), (res, tup_num, field_num))
FORWARD(int, PQgetlength, 0, (const PGresult *res, int tup_num, int field_num), (res, tup_num, field_num))
FORWARD(char *, PQgetvalue, NULL, (const PGresult *res, int tup_num, int field_num), (res, tup_num, field_num))
FORWARD(void, PQclear, , (PGresult *res), (res))

#pragma GCC visibility pop
