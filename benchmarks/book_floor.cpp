// The floor for a book from raw JSON: parse one venue's fixed key order with no checks, keep a flat
// array per side with a bitmap, read the best levels after every message. Prints ns per message.
//
// Usage: book_floor FILE REPEATS
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

static double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

struct Side {
    static constexpr int TICKS = 1 << 20;
    std::vector<int64_t> quantity = std::vector<int64_t>(TICKS);
    std::vector<uint64_t> words = std::vector<uint64_t>(TICKS / 64);
    bool bid;
    int best;

    explicit Side(bool is_bid) : bid(is_bid), best(is_bid ? 0 : TICKS - 1) {}

    void set(int tick, int64_t lots) {
        quantity[tick] = lots;
        if (lots) {
            words[tick >> 6] |= 1ull << (tick & 63);
            if (bid ? tick > best : tick < best) best = tick;
        } else {
            words[tick >> 6] &= ~(1ull << (tick & 63));
            if (tick == best) find();
        }
    }

    void find() {
        int word = best >> 6;
        if (bid) {
            while (word > 0 && !words[word]) word--;
            best = words[word] ? word * 64 + 63 - __builtin_clzll(words[word]) : 0;
        } else {
            while (word < TICKS / 64 - 1 && !words[word]) word++;
            best = words[word] ? word * 64 + __builtin_ctzll(words[word]) : TICKS - 1;
        }
    }
};

static const char *digits(const char *p, uint64_t &value) {
    value = 0;
    for (;; p++) {
        unsigned d = unsigned(*p) - '0';
        if (d < 10) value = value * 10 + d;
        else if (*p != '.') return p;
    }
}

static const char *levels(const char *p, Side &side, long &count) {
    uint64_t price, lots;
    while (*p != ']') {
        if (*p == ',') p++;
        p = digits(p + 2, price);
        p = digits(p + 3, lots) + 2;
        side.set(int(price), int64_t(lots));
        count++;
    }
    return p;
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
    uint64_t check = 0, value;
    for (int repeat = 0; repeat < atoi(argv[2]); repeat++) {
        Side bids(true), asks(false);
        messages = count = 0;
        check = 0;
        double start = cpu_seconds();
        for (const char *p = text.data(); *p; messages++) {
            p = strstr(p, "\"E\":") + 4;
            p = digits(p, value);
            p = digits(p + 5, value);            // ,"T":
            p = strstr(p + 5, "\"U\":") + 4;     // ,"s":"…",
            p = digits(p, value);
            p = digits(p + 5, value);            // ,"u":
            p = digits(p + 6, value);            // ,"pu":
            p = levels(p + 6, bids, count);      // ,"b":[
            p = levels(p + 7, asks, count);      // ],"a":[
            check += uint64_t(bids.best) + uint64_t(asks.best);
            p = strchr(p, '\n') + 1;
        }
        double spent = cpu_seconds() - start;
        if (spent < best) best = spent;
    }
    printf("{\"messages\":%ld,\"levels\":%ld,\"ns\":%.1f,\"check\":%llu}\n", messages, count,
           best * 1e9 / double(messages), (unsigned long long)check);
}
