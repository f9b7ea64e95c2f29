// The floor for receiving: one blocking socket, a large buffer, frame headers read, payloads passed
// over. Prints CPU nanoseconds per message.
//
// Usage: websocket_floor PORT MESSAGES
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

static double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

static int connected(int port) {
    int one = 1, sock = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(sock, reinterpret_cast<sockaddr*>(&address), sizeof address)) return -1;
    const char* hello =
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: YWxwLWZsb29yLWNsaWVudA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    if (write(sock, hello, strlen(hello)) < 0) return -1;
    // One byte at a time: what follows the handshake's empty line is already a frame.
    char last[4] = {};
    while (memcmp(last, "\r\n\r\n", 4) != 0) {
        memmove(last, last + 1, 3);
        if (read(sock, last + 3, 1) != 1) return -1;
    }
    return sock;
}

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const long wanted = atol(arguments[2]);
    int sock = connected(atoi(arguments[1]));
    if (sock < 0) return 3;
    static unsigned char buffer[1 << 18];
    size_t have = 0;
    long messages = 0;
    uint64_t bytes = 0;
    double start = 0;
    while (messages < wanted) {
        ssize_t got = recv(sock, buffer + have, sizeof buffer - have, 0);
        if (got <= 0) return 4;
        if (start == 0) start = cpu_seconds();
        have += size_t(got);
        size_t at = 0;
        while (have - at >= 4) {
            size_t length = buffer[at + 1] & 127, head = 2;
            if (length == 126) {
                length = size_t(buffer[at + 2]) << 8 | buffer[at + 3];
                head = 4;
            } else if (length == 127) {
                if (have - at < 10) break;
                length = 0;
                for (int i = 2; i < 10; ++i) length = length << 8 | buffer[at + size_t(i)];
                head = 10;
            }
            if (have - at < head + length) break;
            bytes += length;
            at += head + length;
            ++messages;
        }
        memmove(buffer, buffer + at, have - at);
        have -= at;
    }
    double spent = cpu_seconds() - start;
    printf("{\"ns\": %.1f, \"messages\": %ld, \"bytes\": %llu}\n", spent * 1e9 / double(messages),
           messages, static_cast<unsigned long long>(bytes));
}
