// Seeded random tests of the parser: divisions of the input make no difference, and no input breaks
// it. A failure names its seed; the same seed repeats it.
#include "parse_all.hpp"
#include <sennit/http/request_parser.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

namespace sennit::http {
namespace {

// Small enough that random requests meet the limits now and then.
constexpr limits small{.target_size_max = 64,
                       .header_size_max = 256,
                       .header_count_max = 8,
                       .body_size_max = 512,
                       .chunk_line_size_max = 40,
                       .chunk_extension_size_max = 64};

class generator {
public:
    explicit generator(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t bound) { return random_() % bound; }
    bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

    template<class T, std::size_t N>
    const T& any(const std::array<T, N>& values) {
        return values[below(N)];
    }

    std::string bytes(std::size_t size) {
        std::string text(size, '\0');
        for (char& c : text)
            c = static_cast<char>(below(256));
        return text;
    }

    // A valid request with a fixed, a chunked or no body.
    std::string request_text() {
        constexpr std::array<std::string_view, 4> targets{"/", "/hello/world?a=1&b=%20",
                                                          "http://example.org/x", "/a/b/c/d/e"};
        constexpr std::array<std::string_view, 5> fields{
            "Accept: */*\r\n", "Connection: keep-alive\r\n", "X-Empty:\r\n",
            "Cookie: \ta=b; c=\"d\" \r\n", "Expect: 100-continue\r\n"};
        std::string text(chance(50) ? "POST " : "GET ");
        text.append(any(targets)).append(" HTTP/1.1\r\nHost: example.org\r\n");
        for (std::size_t i = below(4); i > 0; --i)
            text += any(fields);
        const std::string body = bytes(below(200));
        switch (below(3)) {
            case 0:
                return text + "\r\n";
            case 1:
                return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
            default:
                return text + "Transfer-Encoding: chunked\r\n\r\n" + chunks(body);
        }
    }

    std::string chunks(std::string_view body) {
        constexpr std::array<std::string_view, 4> extensions{"", "", ";a", ";a=b;c=\"d e\""};
        std::string text;
        while (!body.empty()) {
            const std::string_view piece = body.substr(0, 1 + below(60));
            body.remove_prefix(piece.size());
            std::array<char, 8> size;
            std::snprintf(size.data(), size.size(), chance(50) ? "%zx" : "%04zX", piece.size());
            text.append(size.data())
                .append(any(extensions))
                .append("\r\n")
                .append(piece)
                .append("\r\n");
        }
        text += "0\r\n";
        if (chance(30)) text += "Trailer-Field: value\r\n";
        return text + "\r\n";
    }

    // Changes, removes, doubles or inserts some bytes, mostly ones that mean something to the
    // grammar.
    void mutate(std::string& text) {
        constexpr std::array<std::string_view, 18> tokens{"\r\n",
                                                          "\n",
                                                          "\r",
                                                          " ",
                                                          "\t",
                                                          ":",
                                                          ";",
                                                          ",",
                                                          "\"",
                                                          "0",
                                                          "f",
                                                          "\r\n\r\n",
                                                          "Content-Length: 3\r\n",
                                                          "Transfer-Encoding: chunked\r\n",
                                                          "0\r\n\r\n",
                                                          "HTTP/1.1",
                                                          "%",
                                                          "\\"};
        for (std::size_t count = 1 + below(4); count > 0 && !text.empty(); --count) {
            const std::size_t at = below(text.size());
            switch (below(5)) {
                case 0:
                    text[at] = static_cast<char>(below(256));
                    break;
                case 1:
                    text.erase(at, 1 + below(8));
                    break;
                case 2:
                    text.insert(at, text, at, 1 + below(20));
                    break;
                default:
                    text.insert(at, any(tokens));
                    break;
            }
        }
    }

private:
    std::mt19937 random_;
};

// Feeds `input` in pieces of random sizes.
parsed parse_in_pieces(std::string_view input, generator& random, const limits& bounds) {
    request_parser parser(bounds);
    parsed result;
    const std::size_t size_max = 1 + random.below(random.chance(50) ? 4 : 100);
    while (!input.empty()) {
        const std::string piece(input.substr(0, 1 + random.below(size_max)));
        input.remove_prefix(piece.size());
        if (!feed_piece(parser, piece, result)) break;
    }
    result.is_idle = parser.is_idle();
    return result;
}

TEST(request_parser_fuzz, divisions_of_valid_streams_make_no_difference) {
    for (unsigned seed = 0; seed < 1000; ++seed) {
        SCOPED_TRACE(seed);
        generator random(seed);
        std::string stream;
        const std::size_t count = 1 + random.below(5);
        for (std::size_t i = 0; i < count; ++i)
            stream += random.request_text();
        const parsed whole = parse_all(stream);
        ASSERT_EQ(whole.status, 0) << whole.what;
        ASSERT_EQ(whole.requests.size(), count);
        ASSERT_TRUE(whole.is_idle);
        for (int division = 0; division < 4; ++division) {
            ASSERT_EQ(parse_in_pieces(stream, random, {}), whole);
        }
    }
}

TEST(request_parser_fuzz, mutated_streams_are_read_the_same_however_divided) {
    std::array<int, 2> outcomes{}; // read, refused
    for (unsigned seed = 0; seed < 5000; ++seed) {
        SCOPED_TRACE(seed);
        generator random(seed);
        std::string stream = random.request_text() + random.request_text();
        random.mutate(stream);
        const parsed whole = parse_all(stream, ~std::size_t{0}, small);
        ASSERT_EQ(parse_all(stream, 1, small), whole);
        ASSERT_EQ(parse_in_pieces(stream, random, small), whole);
        ++outcomes[whole.status == 0 ? 0 : 1];
    }
    // The mutations are neither harmless nor hopeless.
    EXPECT_GT(outcomes[0], 200);
    EXPECT_GT(outcomes[1], 2000);
}

TEST(request_parser_fuzz, noise_is_refused_or_waited_for) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        SCOPED_TRACE(seed);
        generator random(seed);
        const std::string noise = random.bytes(1 + random.below(300));
        const parsed whole = parse_all(noise);
        ASSERT_EQ(parse_in_pieces(noise, random, {}), whole);
        ASSERT_TRUE(whole.requests.empty());
    }
}

// Every prefix of a valid request is unfinished, and none is refused.
TEST(request_parser_fuzz, prefixes_wait_for_more) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        SCOPED_TRACE(seed);
        const std::string text = generator(seed).request_text();
        for (std::size_t size = 1; size < text.size(); ++size) {
            const parsed part = parse_all(std::string_view(text).substr(0, size));
            ASSERT_EQ(part.status, 0) << size;
            ASSERT_TRUE(part.requests.empty()) << size;
            ASSERT_FALSE(part.is_idle) << size;
        }
    }
}

} // namespace
} // namespace sennit::http
