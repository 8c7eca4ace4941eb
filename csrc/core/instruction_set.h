// Which of the compiled copies of the kernels runs. Each copy lives in a namespace of its own, named like this enum.
#pragma once

namespace pytransformers {

// Each holds all before it. Not every kernel has a copy for each.
enum InstructionSet { kBaseline, kAvx2, kAvx512, kAvx512Vnni, kAvx512Bf16, kInstructionSets };

InstructionSet instruction_set();

// The copy for the instruction set in force: the last that is there and not above it. copies[kBaseline] always is.
template <class Kernel>
Kernel* active(Kernel* const (&copies)[kInstructionSets]) {
  int i = instruction_set();
  while (copies[i] == nullptr) --i;
  return copies[i];
}

// The copies of `name` (an object in each namespace), for active().
#if defined(__x86_64__)
#define COPIES(name) {&baseline::name, &avx2::name, &avx512::name, nullptr, nullptr}
#define COPIES_VNNI(name) {&baseline::name, &avx2::name, &avx512::name, &avx512_vnni::name, nullptr}
#define COPIES_BF16(name) {&baseline::name, &avx2::name, &avx512::name, nullptr, &avx512_bf16::name}
#else
#define COPIES(name) {&baseline::name, nullptr, nullptr, nullptr, nullptr}
#define COPIES_VNNI(name) COPIES(name)
#define COPIES_BF16(name) COPIES(name)
#endif

}  // namespace pytransformers
