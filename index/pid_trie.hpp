#pragma once

#include <sys/types.h>

#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace proctor::index {

namespace detail {

template <class V>
class TrieNode;

/// Shares a node; the last one to let go destroys it. Counted in the node itself, so that a copy touches
/// one cache line and needs no control block.
template <class V>
class TrieNodePtr {
 public:
  TrieNodePtr() noexcept = default;
  TrieNodePtr(const TrieNodePtr& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) node_->acquire();
  }
  TrieNodePtr(TrieNodePtr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  TrieNodePtr& operator=(TrieNodePtr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~TrieNodePtr() {
    if (node_ != nullptr) node_->release();
  }

  [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }
  [[nodiscard]] const TrieNode<V>* get() const noexcept { return node_; }
  [[nodiscard]] const TrieNode<V>* operator->() const noexcept { return node_; }
  [[nodiscard]] const TrieNode<V>& operator*() const noexcept { return *node_; }

 private:
  friend class TrieNode<V>;
  explicit TrieNodePtr(TrieNode<V>* owned) noexcept : node_(owned) {}

  TrieNode<V>* node_ = nullptr;
};

/// 5 bits of the key: up to 32 items, stored without gaps behind the header; the bitmap says which slots
/// they are. Items are values at height 0 and nodes of the next lower height above. Never changed once
/// it is built.
template <class V>
class TrieNode {
 public:
  using Ptr = TrieNodePtr<V>;
  static constexpr unsigned slot_bits = 5;

  /// A node with one item.
  template <class Item>
  [[nodiscard]] static Ptr single(unsigned height, unsigned slot, Item item) {
    Ptr node = allocate(height, 1);
    node.node_->append(std::move(item));
    node.node_->bitmap_ = bit(slot);
    return node;
  }

  /// A copy in which `slot` holds `item`, new or in place of another.
  template <class Item>
  [[nodiscard]] Ptr with(unsigned slot, Item item) const {
    const unsigned at = position(slot);
    const unsigned replaced = has(slot) ? 1 : 0;
    Ptr copy = allocate(height_, count_ + 1 - replaced);
    copy.node_->template append_from<Item>(*this, 0, at);
    copy.node_->append(std::move(item));
    copy.node_->template append_from<Item>(*this, at + replaced, count_);
    copy.node_->bitmap_ = bitmap_ | bit(slot);
    return copy;
  }

  /// A copy without `slot`, which must be there; null instead of an empty node.
  template <class Item>
  [[nodiscard]] Ptr without(unsigned slot) const {
    if (count_ == 1) return {};
    const unsigned at = position(slot);
    Ptr copy = allocate(height_, count_ - 1U);
    copy.node_->template append_from<Item>(*this, 0, at);
    copy.node_->template append_from<Item>(*this, at + 1, count_);
    copy.node_->bitmap_ = bitmap_ & ~bit(slot);
    return copy;
  }

  [[nodiscard]] unsigned height() const noexcept { return height_; }
  [[nodiscard]] std::uint32_t bitmap() const noexcept { return bitmap_; }
  [[nodiscard]] bool has(unsigned slot) const noexcept { return (bitmap_ & bit(slot)) != 0; }
  /// Only when has(slot); a value at height 0, a node above.
  [[nodiscard]] const V& value(unsigned slot) const noexcept { return items<V>()[position(slot)]; }
  [[nodiscard]] const Ptr& child(unsigned slot) const noexcept { return items<Ptr>()[position(slot)]; }

  TrieNode(const TrieNode&) = delete;
  TrieNode& operator=(const TrieNode&) = delete;

 private:
  friend class TrieNodePtr<V>;

  explicit TrieNode(unsigned height) noexcept : height_(static_cast<std::uint8_t>(height)) {}
  ~TrieNode() {
    if (height_ == 0)
      std::destroy_n(items<V>(), count_);
    else
      std::destroy_n(items<Ptr>(), count_);
  }

  static constexpr std::uint32_t bit(unsigned slot) noexcept { return std::uint32_t{1} << slot; }

  /// How many items come before `slot`.
  [[nodiscard]] unsigned position(unsigned slot) const noexcept {
    return static_cast<unsigned>(std::popcount(bitmap_ & (bit(slot) - 1)));
  }

  template <class Item>
  static constexpr std::size_t items_offset() noexcept {
    return (sizeof(TrieNode) + alignof(Item) - 1) / alignof(Item) * alignof(Item);
  }

  static Ptr allocate(unsigned height, unsigned capacity) {
    static_assert(alignof(V) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "operator new aligns no further");
    const std::size_t bytes =
        height == 0 ? items_offset<V>() + capacity * sizeof(V) : items_offset<Ptr>() + capacity * sizeof(Ptr);
    return Ptr(new (::operator new(bytes)) TrieNode(height));
  }

  template <class Item>
  [[nodiscard]] const Item* items() const noexcept {
    const void* const at = reinterpret_cast<const std::byte*>(this) + items_offset<Item>();
    return static_cast<const Item*>(at);
  }
  template <class Item>
  [[nodiscard]] Item* items() noexcept {
    void* const at = reinterpret_cast<std::byte*>(this) + items_offset<Item>();
    return static_cast<Item*>(at);
  }

  // count_ follows each constructed item, so that a copy that throws half-way destroys just what is there.
  template <class Item>
  void append(Item&& item) {
    using Stored = std::remove_cvref_t<Item>;
    static_assert(std::is_same_v<Stored, V> || std::is_same_v<Stored, Ptr>);
    std::construct_at(items<Stored>() + count_, std::forward<Item>(item));
    ++count_;
  }
  template <class Item>
  void append_from(const TrieNode& other, unsigned begin, unsigned end) {
    for (unsigned i = begin; i < end; ++i) append(other.items<Item>()[i]);
  }

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // Acquire: what other holders read happened before the destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    this->~TrieNode();
    ::operator delete(this);
  }

  std::atomic<std::uint32_t> references_{1};
  std::uint32_t bitmap_ = 0;
  std::uint8_t height_;
  std::uint8_t count_ = 0;
};

}  // namespace detail

/// A persistent map from a non-negative pid to a V: an insert or erase returns a new map that shares all
/// but one path of nodes with the old one, which stays as it was.
///
/// Keyed by the pid's own bits (pids need no hash: the kernel deals them densely), highest first, so that
/// iteration ascends; as high as the largest pid needs: three levels up to 32,767, five up to the kernel's
/// limit of 4,194,304. Why not std::map or a hash map: a copy of those per change costs as much as the
/// map is long; see docs/adr/0002-index-snapshot.md for the figures.
///
/// Copies are O(1). A const map may be read, copied and destroyed by several threads at once; V's copy and
/// destruction then happen on any of them. Out of memory throws std::bad_alloc and changes nothing.
template <class V>
class PidTrie {
 public:
  PidTrie() noexcept = default;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Valid as long as this map or a copy of it; null: not there. Negative pids are never there.
  [[nodiscard]] const V* find(pid_t pid) const noexcept {
    if (pid < 0 || !root_ || !covers(root_->height(), pid)) return nullptr;
    const Node* node = root_.get();
    for (unsigned height = node->height(); height > 0; --height) {
      const unsigned slot = slot_of(pid, height);
      if (!node->has(slot)) return nullptr;
      node = node->child(slot).get();
    }
    const unsigned slot = slot_of(pid, 0);
    return node->has(slot) ? &node->value(slot) : nullptr;
  }

  [[nodiscard]] bool contains(pid_t pid) const noexcept { return find(pid) != nullptr; }

  /// This map with `value` under `pid` (at least 0), new or in place of another.
  [[nodiscard]] PidTrie insert(pid_t pid, V value) const {
    assert(pid >= 0);
    const bool replaces = contains(pid);
    NodePtr root = root_;
    while (root && !covers(root->height(), pid)) root = Node::single(root->height() + 1, 0, root);
    const unsigned height = root ? root->height() : height_for(pid);
    return PidTrie(inserted(root.get(), height, pid, std::move(value)), size_ + (replaces ? 0 : 1));
  }

  /// This map without `pid`; the same map when it is not there.
  [[nodiscard]] PidTrie erase(pid_t pid) const {
    if (!contains(pid)) return *this;
    NodePtr root = erased(*root_, pid);
    while (root && root->height() > 0 && root->bitmap() == 1) root = NodePtr(root->child(0));
    return PidTrie(std::move(root), size_ - 1);
  }

  /// Calls f(pid, const V&) for each, ascending by pid.
  template <class F>
  void for_each(F&& f) const {
    if (root_) visit(*root_, 0, f);
  }

 private:
  using Node = detail::TrieNode<V>;
  using NodePtr = detail::TrieNodePtr<V>;

  PidTrie(NodePtr root, std::size_t size) noexcept : root_(std::move(root)), size_(size) {}

  static constexpr unsigned slot_bits = Node::slot_bits;

  static constexpr bool covers(unsigned height, pid_t pid) noexcept {
    return (static_cast<std::uint64_t>(pid) >> (slot_bits * (height + 1))) == 0;
  }
  static constexpr unsigned height_for(pid_t pid) noexcept {
    unsigned height = 0;
    while (!covers(height, pid)) ++height;
    return height;
  }
  static constexpr unsigned slot_of(pid_t pid, unsigned height) noexcept {
    return static_cast<unsigned>(pid) >> (slot_bits * height) & ((1U << slot_bits) - 1);
  }

  static NodePtr inserted(const Node* node, unsigned height, pid_t pid, V value) {
    const unsigned slot = slot_of(pid, height);
    if (height == 0) {
      return node != nullptr ? node->with(slot, std::move(value)) : Node::single(0, slot, std::move(value));
    }
    const Node* const below = node != nullptr && node->has(slot) ? node->child(slot).get() : nullptr;
    NodePtr child = inserted(below, height - 1, pid, std::move(value));
    return node != nullptr ? node->with(slot, std::move(child))
                           : Node::single(height, slot, std::move(child));
  }

  static NodePtr erased(const Node& node, pid_t pid) {
    const unsigned slot = slot_of(pid, node.height());
    if (node.height() == 0) return node.template without<V>(slot);
    NodePtr child = erased(*node.child(slot), pid);
    return child ? node.with(slot, std::move(child)) : node.template without<NodePtr>(slot);
  }

  template <class F>
  static void visit(const Node& node, pid_t prefix, F& f) {
    for (std::uint32_t left = node.bitmap(); left != 0; left &= left - 1) {
      const auto slot = static_cast<unsigned>(std::countr_zero(left));
      const pid_t pid = prefix | static_cast<pid_t>(slot << (slot_bits * node.height()));
      if (node.height() == 0)
        f(pid, node.value(slot));
      else
        visit(*node.child(slot), pid, f);
    }
  }

  NodePtr root_;
  std::size_t size_ = 0;
};

}  // namespace proctor::index
