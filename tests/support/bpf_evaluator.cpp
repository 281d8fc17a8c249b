#include "support/bpf_evaluator.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace proctor::test {
namespace {

/// The registers of the machine while it runs.
class Machine {
 public:
  explicit Machine(const seccomp_data& call) { std::memcpy(data_.data(), &call, sizeof call); }

  /// False: not an instruction that seccomp takes.
  bool execute(const sock_filter& instruction);

  [[nodiscard]] std::size_t take_jump() { return std::exchange(jump_, 0); }
  [[nodiscard]] std::optional<std::uint32_t> result() const { return result_; }
  [[nodiscard]] bool arguments_were_read() const { return arguments_were_read_; }

 private:
  bool load(const sock_filter& instruction);
  bool compute(const sock_filter& instruction);
  bool jump(const sock_filter& instruction);

  std::array<std::byte, sizeof(seccomp_data)> data_{};
  std::array<std::uint32_t, BPF_MEMWORDS> scratch_{};
  std::uint32_t a_ = 0;
  std::uint32_t x_ = 0;
  std::size_t jump_ = 0;
  std::optional<std::uint32_t> result_;
  bool arguments_were_read_ = false;
};

bool Machine::load(const sock_filter& instruction) {
  const std::uint32_t k = instruction.k;
  switch (instruction.code) {
    case BPF_LD | BPF_W | BPF_ABS:
      if (k % 4 != 0 || k >= data_.size()) return false;
      std::memcpy(&a_, data_.data() + k, sizeof a_);
      arguments_were_read_ = arguments_were_read_ || k >= offsetof(seccomp_data, instruction_pointer);
      return true;
    case BPF_LD | BPF_IMM:
      a_ = k;
      return true;
    case BPF_LDX | BPF_IMM:
      x_ = k;
      return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
      if (k >= scratch_.size()) return false;
      (BPF_CLASS(instruction.code) == BPF_LD ? a_ : x_) = scratch_[k];
      return true;
    default:
      return false;
  }
}

bool Machine::compute(const sock_filter& instruction) {
  const std::uint32_t operand = BPF_SRC(instruction.code) == BPF_X ? x_ : instruction.k;
  switch (BPF_OP(instruction.code)) {
    case BPF_AND:
      a_ &= operand;
      return true;
    case BPF_OR:
      a_ |= operand;
      return true;
    case BPF_XOR:
      a_ ^= operand;
      return true;
    case BPF_ADD:
      a_ += operand;
      return true;
    case BPF_SUB:
      a_ -= operand;
      return true;
    default:
      return false;  // the kernel takes more; no generator of filters uses it
  }
}

bool Machine::jump(const sock_filter& instruction) {
  const std::uint32_t operand = BPF_SRC(instruction.code) == BPF_X ? x_ : instruction.k;
  bool holds = false;
  switch (BPF_OP(instruction.code)) {
    case BPF_JA:
      jump_ = instruction.k;
      return true;
    case BPF_JEQ:
      holds = a_ == operand;
      break;
    case BPF_JGT:
      holds = a_ > operand;
      break;
    case BPF_JGE:
      holds = a_ >= operand;
      break;
    case BPF_JSET:
      holds = (a_ & operand) != 0;
      break;
    default:
      return false;
  }
  jump_ = holds ? instruction.jt : instruction.jf;
  return true;
}

bool Machine::execute(const sock_filter& instruction) {
  switch (BPF_CLASS(instruction.code)) {
    case BPF_LD:
    case BPF_LDX:
      return load(instruction);
    case BPF_ST:
    case BPF_STX:
      if (instruction.k >= scratch_.size()) return false;
      scratch_[instruction.k] = BPF_CLASS(instruction.code) == BPF_ST ? a_ : x_;
      return true;
    case BPF_ALU:
      return compute(instruction);
    case BPF_JMP:
      return jump(instruction);
    case BPF_RET:
      result_ = BPF_RVAL(instruction.code) == BPF_A ? a_ : instruction.k;
      return true;
    case BPF_MISC:
      (BPF_MISCOP(instruction.code) == BPF_TAX ? x_ : a_) = BPF_MISCOP(instruction.code) == BPF_TAX ? a_ : x_;
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<BpfOutcome> evaluate_bpf(std::span<const sock_filter> program, const seccomp_data& call) {
  Machine machine(call);
  std::size_t executed = 0;
  // Jumps only go forward, so the counter only grows and the loop ends.
  for (std::size_t at = 0; at < program.size(); at += 1 + machine.take_jump()) {
    ++executed;
    if (!machine.execute(program[at])) return std::nullopt;
    if (machine.result()) return BpfOutcome{*machine.result(), executed, machine.arguments_were_read()};
  }
  return std::nullopt;
}

}  // namespace proctor::test
