// A book as bare as it can be: a flat array per side with a bitmap, and a parser of one venue's
// depth messages that knows the order of the keys and checks nothing.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

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

static inline const char *digits(const char *p, uint64_t &value) {
    value = 0;
    for (;; p++) {
        unsigned d = unsigned(*p) - '0';
        if (d < 10) value = value * 10 + d;
        else if (*p != '.') return p;
    }
}

static inline const char *levels(const char *p, Side &side, long &count) {
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

// One message from its start; returns a place behind the levels.
static inline const char *take(const char *p, Side &bids, Side &asks, long &count) {
    uint64_t value;
    p = strstr(p, "\"E\":") + 4;
    p = digits(p, value);
    p = digits(p + 5, value);            // ,"T":
    p = strstr(p + 5, "\"U\":") + 4;     // ,"s":"…",
    p = digits(p, value);
    p = digits(p + 5, value);            // ,"u":
    p = digits(p + 6, value);            // ,"pu":
    p = levels(p + 6, bids, count);      // ,"b":[
    return levels(p + 7, asks, count);   // ],"a":[
}
