// How many float32 operations a second one core does in fused multiply-adds that wait for nothing.
#include <chrono>

namespace {
#if defined(__AVX512F__)
constexpr int kWidth = 16;
#else
constexpr int kWidth = 8;
#endif
typedef float Vector __attribute__((vector_size(kWidth * sizeof(float))));
constexpr int kChains = 12;  // hides the latency of each
constexpr int kSteps = 4096;
}  // namespace

extern "C" double multiply_add_rate(double seconds) {
  Vector sums[kChains] = {};
  Vector x = sums[0] + 0.999f, y = sums[0] + 0.001f;
  const auto begin = std::chrono::steady_clock::now();
  double passed = 0, operations = 0;
  while (passed < seconds) {
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * x + y;
    }
    asm volatile("" : "+m"(sums));
    operations += 2.0 * kWidth * kChains * kSteps;
    passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  return operations / passed;
}
