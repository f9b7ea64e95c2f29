// The floor from a depth message to signed order bytes: a bare book, a quote at the touch less some
// ticks, one snprintf, HMAC-SHA256 of OpenSSL with its key scheduled once. No gate, no state, no
// checks. Prints p50, p99 and least of book ready and of bytes ready, and the last text.
//
// Usage: tick_to_order_floor MESSAGES SNAPSHOT KEY MILLISECONDS
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "book_floor.hpp"

static int64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static std::string read(const char *name) {
    std::string text;
    FILE *file = fopen(name, "rb");
    if (!file) exit(2);
    char chunk[1 << 16];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) text.append(chunk, n);
    fclose(file);
    return text;
}

static void print(const char *name, std::vector<int64_t> spent) {
    spent.erase(spent.begin(), spent.begin() + long(spent.size() / 5));
    std::sort(spent.begin(), spent.end());
    size_t n = spent.size();
    printf("\"%s\":{\"p50\":%lld,\"p99\":%lld,\"least\":%lld},", name, (long long)spent[n / 2],
           (long long)spent[n * 99 / 100], (long long)spent[0]);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    std::string text = read(argv[1]), snapshot = read(argv[2]), key = argv[3];
    int64_t clock_ms = atoll(argv[4]);
    Side bids(true), asks(false);
    long count = 0;
    levels(strstr(snapshot.c_str(), "\"bids\":[") + 8, bids, count);
    levels(strstr(snapshot.c_str(), "\"asks\":[") + 8, asks, count);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    HMAC_CTX *hmac = HMAC_CTX_new();
    HMAC_Init_ex(hmac, key.data(), int(key.size()), EVP_sha256(), nullptr);
    static const char hex[] = "0123456789abcdef";
    std::vector<int64_t> book, order;
    char out[1024];
    long number = 0;
    for (const char *p = text.c_str(); *p;) {
        int64_t start = now_ns();
        p = take(p, bids, asks, count);
        int64_t ready = now_ns();
        int price = bids.best - 5;
        int n = snprintf(out, sizeof out,
                         "symbol=ETHUSDT&side=BUY&quantity=0.100&price=%d.%02d&type=LIMIT&"
                         "timeInForce=GTX&newClientOrderId=t2o-%07ld&newOrderRespType=ACK&"
                         "selfTradePreventionMode=EXPIRE_MAKER&recvWindow=5000&timestamp=%lld",
                         price / 100, price % 100, number + 1, (long long)(clock_ms + number));
        unsigned char digest[32];
        unsigned size;
        HMAC_Init_ex(hmac, nullptr, 0, nullptr, nullptr);
        HMAC_Update(hmac, (const unsigned char *)out, size_t(n));
        HMAC_Final(hmac, digest, &size);
        memcpy(out + n, "&signature=", 11);
        n += 11;
        for (unsigned char byte : digest) {
            out[n++] = hex[byte >> 4];
            out[n++] = hex[byte & 15];
        }
        out[n] = 0;
        int64_t done = now_ns();
        book.push_back(ready - start);
        order.push_back(done - start);
        number++;
        p = strchr(p, '\n') + 1;
    }
    printf("{");
    print("book", book);
    print("order", order);
    printf("\"last\":\"%s\"}\n", out);
}
