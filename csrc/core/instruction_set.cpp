#include "core/instruction_set.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/error.h"

namespace pytransformers {

static const char* const kNames[kInstructionSets] = {"baseline", "avx2", "avx512", "avx512_vnni", "avx512_bf16"};

static InstructionSet best() {
#if defined(__x86_64__)
  if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))) {
    return kBaseline;
  }
  if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))) {
    return kAvx2;
  }
  if (!__builtin_cpu_supports("avx512vnni")) return kAvx512;
  return __builtin_cpu_supports("avx512bf16") ? kAvx512Bf16 : kAvx512Vnni;
#else
  return kBaseline;
#endif
}

// The index of a name that this processor has, or -1.
static int find(const char* name) {
  for (int i = 0; name != nullptr && i <= best(); ++i) {
    if (std::strcmp(name, kNames[i]) == 0) return i;
  }
  return -1;
}

static std::string expected() {
  std::string text = kNames[0];
  for (int i = 1; i <= best(); ++i) text += std::string(i == best() ? " or " : ", ") + kNames[i];
  return text;
}

static InstructionSet first() {
  const char* wanted = std::getenv("PYTRANSFORMERS_INSTRUCTION_SET");
  if (wanted == nullptr || *wanted == 0) return best();
  const int index = find(wanted);
  if (index >= 0) return static_cast<InstructionSet>(index);
  std::fprintf(stderr, "[PYTRANSFORMERS_INSTRUCTION_SET] expected %s on this processor, got %s, running on %s\n",
               expected().c_str(), wanted, kNames[best()]);
  return best();
}

static std::atomic<InstructionSet>& in_force() {
  static std::atomic<InstructionSet> chosen{first()};
  return chosen;
}

InstructionSet instruction_set() { return in_force().load(std::memory_order_relaxed); }

}  // namespace pytransformers

extern "C" const char* pytransformers_instruction_set(void) {
  return pytransformers::kNames[pytransformers::instruction_set()];
}

extern "C" const char* pytransformers_instruction_set_name(int32_t index) {
  using namespace pytransformers;
  return index >= 0 && index <= best() ? kNames[index] : nullptr;
}

extern "C" pytransformers_status pytransformers_set_instruction_set(const char* name) {
  using namespace pytransformers;
  const int index = find(name);
  if (index >= 0) {
    in_force() = static_cast<InstructionSet>(index);
    return PYTRANSFORMERS_OK;
  }
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT,
              "[set_instruction_set] expected %s on this processor, got %s, name one of these", expected().c_str(),
              name == nullptr ? "NULL" : name);
}
