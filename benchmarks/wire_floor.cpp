// The floor for a message of the bus: a copy of its bytes. Prints nanoseconds a copy.
//
// Usage: wire_floor SIZE COPIES REPEATS
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

static char from[64][256], to[64][256];

static double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

template <size_t SIZE> static double known(long copies) {
    double start = cpu_seconds();
    for (long i = 0; i < copies; i++) {
        memcpy(to[i & 63], from[i & 63], SIZE);
        __asm__ volatile("" ::: "memory");
    }
    return cpu_seconds() - start;
}

static double called(long copies, volatile size_t size) {
    double start = cpu_seconds();
    for (long i = 0; i < copies; i++) {
        memcpy(to[i & 63], from[i & 63], size);
        __asm__ volatile("" ::: "memory");
    }
    return cpu_seconds() - start;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    size_t size = size_t(atol(argv[1]));
    long copies = atol(argv[2]);
    double best = 1e9, inlined = 1e9;
    if (size != 64) return 3;
    for (int repeat = 0; repeat < atoi(argv[3]); repeat++) {
        double spent = called(copies, size), spent_inlined = known<64>(copies);
        if (spent < best) best = spent;
        if (spent_inlined < inlined) inlined = spent_inlined;
    }
    printf("{\"ns\":%.3f,\"inlined_ns\":%.3f}\n", best * 1e9 / double(copies),
           inlined * 1e9 / double(copies));
}
