// The bare C program: the same SQLite transaction as a payment in the daemon, and nothing else. It hashes nothing,
// checks nothing and reckons nothing; its texts are made beforehand. usage: commits CREDITS GROUP FILE
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void run(sqlite3 *db, const char *sql) {
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fprintf(stderr, "commits: %s: %s\n", sql, error);
        exit(1);
    }
}

static const char *const texts[3][2] = {
    {"command.received",
     "{\"command\":\"payment_add\",\"jti\":\"command-123456\",\"kid\":\"billing-1\",\"payload_sha256\":"
     "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\",\"unit\":\"unit-1\"}"},
    {"credit.topped_up",
     "{\"amount_micro\":20000000,\"balance_micro\":40000000,\"change\":{\"balance_micro\":20000000},\"currency\":\"AUD\","
     "\"due_at\":\"2026-03-02T00:00:01.234Z\",\"payment_id\":\"payment-123456\",\"unit\":\"unit-1\",\"week\":\"2026-03-02\"}"},
    {"command.done",
     "{\"jti\":\"command-123456\",\"kid\":\"billing-1\",\"payload_sha256\":"
     "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\",\"result\":{\"at\":\"2026-03-02T00:00:01.234Z\","
     "\"code\":\"applied\",\"command\":\"payment_add\",\"detail\":null,\"id\":\"command-123456\",\"message\":null,"
     "\"result\":{},\"seq\":123456,\"state\":\"completed\",\"unit\":\"unit-1\"}}"},
};

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int credits = atoi(argv[1]), group = atoi(argv[2]);
    sqlite3 *db;
    if (sqlite3_open(argv[3], &db) != SQLITE_OK) return 1;
    run(db,
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-1024;"
        "PRAGMA recursive_triggers=ON; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
        "CREATE TABLE records (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,"
        " key TEXT NOT NULL UNIQUE, data TEXT NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"
        "CREATE INDEX records_by_kind ON records (kind) WHERE kind <> 'interval';"
        "CREATE TRIGGER records_follow BEFORE INSERT ON records"
        " WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM records)"
        " BEGIN SELECT raise(ABORT, 'a record must follow the newest one'); END;"
        "CREATE TABLE view_answer (jti TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;");
    sqlite3_stmt *insert, *answer, *begin, *commit;
    sqlite3_prepare_v2(db, "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", -1, &insert, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO view_answer VALUES (?, ?) ON CONFLICT DO NOTHING", -1, &answer, NULL);
    sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL);
    sqlite3_prepare_v2(db, "COMMIT", -1, &commit, NULL);
    unsigned char hash[32] = {0};
    char key[64], jti[32];
    long long seq = 0;
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (int number = 0; number < credits;) {
        sqlite3_step(begin);
        sqlite3_reset(begin);
        for (int member = 0; member < group; member++, number++) {
            snprintf(jti, sizeof jti, "command-%d", number);
            for (int record = 0; record < 3; record++) {
                snprintf(key, sizeof key, "%s/unit-1/%d", texts[record][0], number);
                memcpy(hash, &seq, sizeof seq);
                sqlite3_bind_int64(insert, 1, ++seq);
                sqlite3_bind_int64(insert, 2, 1772409600000ll + number);
                sqlite3_bind_text(insert, 3, texts[record][0], -1, SQLITE_STATIC);
                sqlite3_bind_text(insert, 4, key, -1, SQLITE_STATIC);
                sqlite3_bind_text(insert, 5, texts[record][1], -1, SQLITE_STATIC);
                sqlite3_bind_blob(insert, 6, hash, 32, SQLITE_STATIC);
                if (sqlite3_step(insert) != SQLITE_DONE) return 1;
                sqlite3_reset(insert);
            }
            sqlite3_bind_text(answer, 1, jti, -1, SQLITE_STATIC);
            sqlite3_bind_int64(answer, 2, seq);
            if (sqlite3_step(answer) != SQLITE_DONE) return 1;
            sqlite3_reset(answer);
        }
        sqlite3_step(commit);
        if (sqlite3_reset(commit) != SQLITE_OK) return 1;
    }
    printf("%f %.9f\n", credits / (now(CLOCK_MONOTONIC) - wall), (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / credits);
    sqlite3_close(db);
    return 0;
}
