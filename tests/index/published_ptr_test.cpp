#include "index/published_ptr.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using proctor::index::PublishedPtr;

namespace {

/// Two halves that must always agree: a reader that sees a half-made or freed value notices.
struct Pair {
  explicit Pair(int n) : first(n), second(-n) { ++living; }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    first = second = 1;
    --living;
  }
  static inline std::atomic<int> living{0};
  int first;
  int second;
};

}  // namespace

TEST_CASE("published pointer: a load gives what was stored last") {
  PublishedPtr<int> published(std::make_shared<const int>(0));
  for (int i = 0; i < 1000; ++i) {
    published.store(std::make_shared<const int>(i));
    REQUIRE(*published.load() == i);
    REQUIRE(*published.load() == i);
  }
}

TEST_CASE("published pointer: an old value dies with its last holder") {
  {
    PublishedPtr<Pair> published(std::make_shared<const Pair>(1));
    auto held = published.load();
    published.store(std::make_shared<const Pair>(2));
    CHECK(Pair::living == 2);
    held.reset();
    CHECK(Pair::living == 1);
    published.store(std::make_shared<const Pair>(3));
    CHECK(Pair::living == 1);
  }
  CHECK(Pair::living == 0);
}

TEST_CASE("published pointer: readers on several threads see whole values, in order") {
  constexpr int last = 20000;
  {
    PublishedPtr<Pair> published(std::make_shared<const Pair>(0));
    std::atomic<int> bad{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        for (int newest = 0; newest < last;) {
          const auto value = published.load();
          if (value->first != -value->second || value->first < newest) ++bad;
          newest = value->first;
        }
      });
    }
    for (int i = 1; i <= last; ++i) published.store(std::make_shared<const Pair>(i));
    for (auto& reader : readers) reader.join();
    CHECK(bad == 0);
    CHECK(Pair::living == 1);
  }
  CHECK(Pair::living == 0);
}
