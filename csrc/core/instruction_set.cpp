#include "core/instruction_set.h"

#include <atomic>
#include <cstring>

#include "core/error.h"

namespace pytransformers {

static const char* const kNames[kInstructionSets] = {"baseline", "avx2", "avx512"};

static InstructionSet best() {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return avx512 ? kAvx512 : avx2 ? kAvx2 : kBaseline;
#else
  return kBaseline;
#endif
}

static std::atomic<InstructionSet>& active() {
  static std::atomic<InstructionSet> chosen{best()};
  return chosen;
}

InstructionSet instruction_set() { return active().load(std::memory_order_relaxed); }

}  // namespace pytransformers

extern "C" const char* pytransformers_instruction_set(void) {
  return pytransformers::kNames[pytransformers::instruction_set()];
}

extern "C" pytransformers_status pytransformers_set_instruction_set(const char* name) {
  using namespace pytransformers;
  for (int i = 0; i <= best(); ++i) {
    if (name != nullptr && std::strcmp(name, kNames[i]) == 0) {
      active() = static_cast<InstructionSet>(i);
      return PYTRANSFORMERS_OK;
    }
  }
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT,
              "[set_instruction_set] expected baseline, avx2 or avx512 as far as this processor goes (%s), got %s",
              kNames[best()], name == nullptr ? "NULL" : name);
}
