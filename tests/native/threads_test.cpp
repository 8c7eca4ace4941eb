// Every kernel called from several threads at once over the one pool; the pool itself, also in a forked child.
// Built with AddressSanitizer and UBSan, and once more with ThreadSanitizer.
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "testing.h"

namespace {

const pytransformers_parallel* const kPool = pytransformers_thread_pool();

// A call: reads what is shared, writes `out`, on the threads it is given.
using Call = std::function<pytransformers_status(const Array& out, const pytransformers_parallel*)>;

void from_many_threads(const char* name, const std::vector<int64_t>& out_sizes, const Call& call) {
  const Array alone = Array::dense(out_sizes, PYTRANSFORMERS_FLOAT32);
  REQUIRE(call(alone, nullptr) == PYTRANSFORMERS_OK, "%s: %s", name, pytransformers_last_error());
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 3; ++j) {
        const Array out = Array::dense(out_sizes, PYTRANSFORMERS_FLOAT32);
        REQUIRE(call(out, kPool) == PYTRANSFORMERS_OK, "%s: %s", name, pytransformers_last_error());
        REQUIRE(std::memcmp(out.memory.get(), alone.memory.get(), out.bytes) == 0, "%s depends on threads", name);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

void test_kernels() {
  const int F = PYTRANSFORMERS_FLOAT32;
  std::mt19937 random(5);
  const auto drawn = [&](const std::vector<int64_t>& sizes) {
    Array array = Array::dense(sizes, F);
    array.fill(random);
    return array;
  };
  {
    const Array x = drawn({900, 250}), dy = drawn({900, 250}), w = drawn({250});
    const auto X = x.view(), DY = dy.view(), W = w.view();
    from_many_threads("layer_norm", {900, 250}, [&](const Array& out, const pytransformers_parallel* t) {
      const auto Y = out.view();
      return pytransformers_layer_norm(&X, nullptr, &W, &W, 1e-5, &Y, nullptr, t);
    });
    from_many_threads("rms_norm", {900, 250}, [&](const Array& out, const pytransformers_parallel* t) {
      const auto Y = out.view();
      return pytransformers_rms_norm(&X, nullptr, &W, 1e-5, &Y, nullptr, t);
    });
    from_many_threads("layer_norm_backward", {250}, [&](const Array& out, const pytransformers_parallel* t) {
      const Array dx = Array::dense({900, 250}, F), dbias = Array::dense({250}, F);
      const auto DX = dx.view(), DB = dbias.view(), DW = out.view();
      return pytransformers_layer_norm_backward(&DY, nullptr, &X, &W, 1e-5, &DX, &DW, &DB, t);
    });
    from_many_threads("rms_norm_backward", {250}, [&](const Array& out, const pytransformers_parallel* t) {
      const Array dx = Array::dense({900, 250}, F);
      const auto DX = dx.view(), DW = out.view();
      return pytransformers_rms_norm_backward(&DY, nullptr, &X, &W, 1e-5, &DX, &DW, t);
    });
  }
  {
    const Array q = drawn({2, 8, 150, 128}), k = drawn({2, 2, 150, 128});
    const Array cos = drawn({1, 150, 64}), sin = drawn({1, 150, 64});
    const auto Q = q.view(), K = k.view(), C = cos.view(), S = sin.view();
    from_many_threads("rotary_embedding", {2, 8, 150, 128}, [&](const Array& out, const pytransformers_parallel* t) {
      const Array key_out = Array::dense({2, 2, 150, 128}, F);
      const auto Y = out.view(), KO = key_out.view();
      return pytransformers_rotary_embedding(&Q, &K, &C, &S, nullptr, 0, 0, &Y, &KO, t);
    });
  }
  for (const int64_t rows : {8, 100}) {
    const Array x = drawn({rows, 200}), w = drawn({500, 200}), b = drawn({500});
    const auto X = x.view(), W = w.view(), B = b.view();
    from_many_threads("linear", {rows, 500}, [&](const Array& out, const pytransformers_parallel* t) {
      const auto Y = out.view();
      const pytransformers_tensor *weights[] = {&W}, *biases[] = {&B}, *ys[] = {&Y};
      return pytransformers_linear(&X, 1, weights, biases, PYTRANSFORMERS_GELU, ys, t);
    });
  }
  for (const int64_t queries : {1, 70}) {
    const Array q = drawn({2, 4, queries, 64}), k = drawn({2, 2, 900, 64}), v = drawn({2, 2, 900, 64});
    const Array o = Array::dense({2, 4, queries, 64}, F), lse = Array::dense({2, 4, queries}, F);
    const auto Q = q.view(), K = k.view(), V = v.view(), O = o.view(), L = lse.view();
    pytransformers_attention_options options;
    std::memset(&options, 0, sizeof options);
    options.scale = 0.125;
    options.causal = 1;
    options.window_left = options.window_right = -1;
    from_many_threads("attention", {2, 4, queries, 64}, [&](const Array& out, const pytransformers_parallel* t) {
      const auto Y = out.view();
      return pytransformers_attention(&Q, &K, &V, &options, &Y, nullptr, t);
    });
    REQUIRE(pytransformers_attention(&Q, &K, &V, &options, &O, &L, nullptr) == 0, "%s", pytransformers_last_error());
    from_many_threads("attention_backward", {2, 2, 900, 64}, [&](const Array& out, const pytransformers_parallel* t) {
      const Array dq = Array::dense({2, 4, queries, 64}, F), dv = Array::dense({2, 2, 900, 64}, F);
      const auto DQ = dq.view(), DK = out.view(), DV = dv.view();
      return pytransformers_attention_backward(&Q, &Q, &K, &V, &O, &L, &options, &DQ, &DK, &DV, nullptr, t);
    });
  }
  for (const int64_t rows : {1, 40}) {
    const int64_t n = 400, k = 256, code_sizes[] = {n / 16, k / 4, 16, 4}, scale_sizes[] = {n / 16, 1, 16};
    std::vector<int8_t> codes(n * k);
    for (int8_t& code : codes) code = static_cast<int8_t>(random());
    const Array x = drawn({rows, k}), scales = drawn({n / 16, 1, 16});
    const auto X = x.view();
    const pytransformers_tensor C = {codes.data(), code_sizes, nullptr, 4, PYTRANSFORMERS_UINT8},
                                S = {scales.memory.get(), scale_sizes, nullptr, 3, F};
    for (const auto mode : {PYTRANSFORMERS_QUANTIZED_INT8, PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC}) {
      from_many_threads("quantized_matmul", {rows, n}, [&](const Array& out, const pytransformers_parallel* t) {
        const auto Y = out.view();
        return pytransformers_quantized_matmul(&X, &C, &S, nullptr, mode, 0, nullptr, PYTRANSFORMERS_IDENTITY, &Y, t);
      });
    }
  }
}

void count_all() {
  std::vector<int> seen(1000);
  kPool->parallel_for(kPool->host, 1000, 7, [](int64_t begin, int64_t end, void* context) {
    for (int64_t i = begin; i < end; ++i) ++static_cast<int*>(context)[i];
  }, seen.data());
  for (int count : seen) REQUIRE(count == 1, "an index ran %d times", count);
}

// Loops from many threads, one inside another, and while another thread changes the instruction set.
void test_pool() {
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) callers.emplace_back([] { for (int j = 0; j < 200; ++j) count_all(); });
  callers.emplace_back([] {
    const std::string best = pytransformers_instruction_set();
    for (int j = 0; j < 100; ++j) {
      REQUIRE(pytransformers_set_instruction_set(j % 2 ? best.c_str() : "baseline") == PYTRANSFORMERS_OK, "set");
    }
  });
  for (std::thread& caller : callers) caller.join();
  kPool->parallel_for(kPool->host, 8, 1, [](int64_t, int64_t, void*) { count_all(); }, nullptr);
}

// In a forked child the pool's threads are gone, whatever the parent's other threads were doing.
void test_fork() {
#if !defined(__SANITIZE_THREAD__)  // which cannot follow threads that a child of a threaded process starts
  std::atomic<bool> done{false};
  std::thread busy([&] { while (!done) count_all(); });
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      count_all();
      _exit(0);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child && status == 0, "the forked child ended with %d", status);
  }
  done = true;
  busy.join();
#endif
}

}  // namespace

int main() {
  const std::string best = pytransformers_instruction_set();
  for (const char* isa : {"baseline", best.c_str()}) {
    REQUIRE(pytransformers_set_instruction_set(isa) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
    test_kernels();
  }
  test_pool();
  test_fork();
  std::printf("%ld checks passed\n", checks.load());
  return 0;
}
