// The floor for a book from raw JSON: parse one venue's fixed key order with no checks, keep a flat
// array per side with a bitmap, read the best levels after every message. Prints ns per message.
//
// Usage: book_floor FILE REPEATS
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "book_floor.hpp"

static double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 2;
    std::vector<char> text;
    char chunk[1 << 16];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) text.insert(text.end(), chunk, chunk + n);
    text.push_back(0);
    double best = 1e9;
    long messages = 0, count = 0;
    uint64_t check = 0;
    for (int repeat = 0; repeat < atoi(argv[2]); repeat++) {
        Side bids(true), asks(false);
        messages = count = 0;
        check = 0;
        double start = cpu_seconds();
        for (const char *p = text.data(); *p; messages++) {
            p = take(p, bids, asks, count);
            check += uint64_t(bids.best) + uint64_t(asks.best);
            p = strchr(p, '\n') + 1;
        }
        double spent = cpu_seconds() - start;
        if (spent < best) best = spent;
    }
    printf("{\"messages\":%ld,\"levels\":%ld,\"ns\":%.1f,\"check\":%llu}\n", messages, count,
           best * 1e9 / double(messages), (unsigned long long)check);
}
