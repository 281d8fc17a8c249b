#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace proctor::kernel {

/// Why an operation failed: the errno and what was attempted ("open /proc/17/mem").
struct Error {
  int number = 0;
  std::string operation;

  /// "open /proc/17/mem: No such process (ESRCH)".
  [[nodiscard]] std::string message() const;

  /// The calling thread's errno, with what it was that failed.
  static Error last(std::string_view operation) { return {errno, std::string(operation)}; }
};

/// A value, or the reason there is none. Nothing in proctor throws across its own interfaces.
template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return error;` are the point.
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return content_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  /// Only when has_value(); a violation is our own bug and throws std::bad_variant_access.
  [[nodiscard]] T& operator*() & { return std::get<0>(content_); }
  [[nodiscard]] const T& operator*() const& { return std::get<0>(content_); }
  [[nodiscard]] T&& operator*() && { return std::get<0>(std::move(content_)); }
  [[nodiscard]] T* operator->() { return &std::get<0>(content_); }
  [[nodiscard]] const T* operator->() const { return &std::get<0>(content_); }

  /// Only when !has_value().
  [[nodiscard]] const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

/// Success, or the reason there was none.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return ok_; }
  [[nodiscard]] explicit operator bool() const noexcept { return ok_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

/// The name of an errno ("ENOENT"), or "errno 4242" for one without.
[[nodiscard]] std::string errno_name(int number);

}  // namespace proctor::kernel
