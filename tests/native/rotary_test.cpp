// rotary_embedding through the C interface: every dtype, pairing, stride and instruction set against double, in place
// and not, and every refusal. Built with sanitizers; exits non-zero at the first failure.
#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <tuple>

#include "testing.h"

namespace {

struct Options {
  bool interleaved, inverse, in_place;
  int dtype, table_dtype;
  const pytransformers_parallel* parallel;
};

// d features of which 2 r turn; `order` of queries and keys in memory: 0 dense, 1 heads inside positions, 2 with gaps.
void test_numbers(const Options& o, int64_t batch, int64_t heads, int64_t kv_heads, int64_t length, int64_t d,
                  int64_t r, int order, bool tables, bool shared) {
  std::mt19937 random(11);
  const auto make = [&](int64_t h) {
    const int64_t row = order == 2 ? d + 3 : d;
    if (order == 0) return Array::dense({batch, h, length, d}, o.dtype);
    return Array({batch, h, length, d}, {length * h * row, row, h * row, 1}, o.dtype);
  };
  Array query = make(heads), key = make(kv_heads), query_out = make(heads), key_out = make(kv_heads);
  const int64_t rows = shared ? 1 : batch;
  const std::vector<int64_t> table =
      tables ? std::vector<int64_t>{length + 2, r} : std::vector<int64_t>{rows, length, r};
  Array cos = Array::dense(table, o.table_dtype), sin = Array::dense(table, o.table_dtype);
  for (Array* array : {&query, &key, &cos, &sin}) array->fill(random);
  std::vector<int64_t> positions(rows * length);
  for (int64_t& p : positions) p = static_cast<int64_t>(random() % (length + 2));
  const std::vector<int32_t> narrow(positions.begin(), positions.end());
  const int64_t position_sizes[] = {rows, length};
  const bool wide = random() & 1;
  const pytransformers_tensor ids = {wide ? static_cast<void*>(positions.data()) : const_cast<int32_t*>(narrow.data()),
                                     position_sizes, nullptr, 2, wide ? PYTRANSFORMERS_INT64 : PYTRANSFORMERS_INT32};
  if (o.in_place) {
    std::memcpy(query_out.memory.get(), query.memory.get(), query.bytes);
    std::memcpy(key_out.memory.get(), key.memory.get(), key.bytes);
  }
  const auto Q = query.view(), K = key.view(), QO = query_out.view(), KO = key_out.view();
  const auto C = cos.view(), S = sin.view();
  REQUIRE(pytransformers_rotary_embedding(o.in_place ? &QO : &Q, o.in_place ? &KO : &K, &C, &S, tables ? &ids : nullptr,
                                          o.interleaved, o.inverse, &QO, &KO, o.parallel) == PYTRANSFORMERS_OK,
          "%s", pytransformers_last_error());
  for (const auto& [in, out, count] :
       {std::make_tuple(&query, &query_out, heads), std::make_tuple(&key, &key_out, kv_heads)}) {
    for (int64_t row = 0; row < batch * count * length; ++row) {
      const int64_t position = row % length, sequence = shared ? 0 : row / (count * length);
      const int64_t angle = tables ? positions[sequence * length + position] : sequence * length + position;
      for (int64_t i = 0; i < d; ++i) {
        const int64_t pair = o.interleaved ? i / 2 : i % std::max<int64_t>(r, 1);
        const bool second = o.interleaved ? i % 2 : i >= r;
        double exact = in->get(row, i), error = 0;
        if (i < 2 * r) {
          const int64_t other = o.interleaved ? (second ? i - 1 : i + 1) : (second ? i - r : i + r);
          const double s = sin.get(angle, pair) * (o.inverse ? -1 : 1) * (second ? 1 : -1);
          const double one = exact * cos.get(angle, pair), two = in->get(row, other) * s;
          exact = one + two;
          error = unit(o.dtype) * std::fabs(exact) + 2.4e-7 * (std::fabs(one) + std::fabs(two)) + 6e-8;
        }
        REQUIRE(std::fabs(out->get(row, i) - exact) <= error, "got %g, exact %g at %ld of %ld, r %ld",
                out->get(row, i), exact, long(i), long(d), long(r));
      }
    }
  }
}

void test_all_numbers(const char* isa) {
  if (pytransformers_set_instruction_set(isa) != PYTRANSFORMERS_OK) {
    std::printf("%s: not on this processor\n", isa);
    return;
  }
  for (const auto& [dtype, table_dtype] : kDtypePairs) {
    for (int flags = 0; flags < 8; ++flags) {
      const Options o = {bool(flags & 1), bool(flags & 2), bool(flags & 4), dtype, table_dtype, nullptr};
      for (int64_t r : {0, 1, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 40}) {
        test_numbers(o, 2, 3, 1, 4, 2 * r + (r % 3), r, r % 3, r & 1, r & 2);
        test_numbers(o, 1, 2, 2, 3, 2 * r + 1, r, (r + 1) % 3, !(r & 1), false);
      }
    }
    const Options threads = {false, false, true, dtype, table_dtype, pytransformers_thread_pool()};
    test_numbers(threads, 2, 8, 2, 150, 64, 32, 1, true, false);
  }
}

void test_empty() {
  const int F = PYTRANSFORMERS_FLOAT32;
  for (const std::vector<int64_t>& sizes :
       {std::vector<int64_t>{0, 2, 3, 8}, {2, 0, 3, 8}, {2, 2, 0, 8}, {2, 2, 3, 0}}) {
    const Array x = Array::dense(sizes, F), table = Array::dense({1, sizes[2], sizes[3] / 2}, F);
    const auto X = x.view(), T = table.view();
    REQUIRE(pytransformers_rotary_embedding(&X, &X, &T, &T, nullptr, 0, 0, &X, &X, nullptr) == 0, "%s",
            pytransformers_last_error());
  }
}

// Callers on threads of their own, each with its memory, over the one pool.
void test_callers_at_once() {
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([i] {
      const Options o = {bool(i & 1), false, bool(i & 2), PYTRANSFORMERS_FLOAT32, PYTRANSFORMERS_FLOAT32,
                         pytransformers_thread_pool()};
      for (int j = 0; j < 3; ++j) test_numbers(o, 1, 8, 8, 150, 128, 64, 1, false, true);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

void test_refusals() {
  const int F = PYTRANSFORMERS_FLOAT32, H = PYTRANSFORMERS_FLOAT16;
  const Array x = Array::dense({2, 3, 4, 8}, F), y = Array::dense({2, 3, 4, 8}, F), table = Array::dense({1, 4, 4}, F),
              rows = Array::dense({6, 4}, F), other = Array::dense({2, 3, 5, 8}, F), half = Array::dense({2, 3, 4, 8}, H);
  const auto X = x.view(), Y = y.view(), T = table.view(), R = rows.view(), O = other.view(), X16 = half.view();
  const auto call = [&](const pytransformers_tensor* q, const pytransformers_tensor* k, const pytransformers_tensor* c,
                        const pytransformers_tensor* s, const pytransformers_tensor* p, const pytransformers_tensor* qo,
                        const pytransformers_tensor* ko) {
    return pytransformers_rotary_embedding(q, k, c, s, p, 0, 0, qo, ko, nullptr);
  };
  refused(call(nullptr, nullptr, &T, &T, nullptr, &Y, nullptr), "expected query, cos and sin");
  refused(call(&X, nullptr, nullptr, &T, nullptr, &Y, nullptr), "expected query, cos and sin");
  refused(call(&X, nullptr, &T, nullptr, nullptr, &Y, nullptr), "expected query, cos and sin");
  refused(call(&X, nullptr, &T, &T, nullptr, nullptr, nullptr), "got NULL for query_out");
  refused(call(&X, &X, &T, &T, nullptr, &Y, nullptr), "key_out exactly with key");
  refused(call(&X, &O, &T, &T, nullptr, &Y, &O), "key of query's batch, length and d (2, 3, 4, 8), got (2, 3, 5, 8)");
  refused(call(&X, &X16, &T, &T, nullptr, &Y, &X16), "key of query's dtype float32, got float16");
  refused(call(&X, nullptr, &T, &T, nullptr, &O, nullptr), "query_out of query's shape (2, 3, 4, 8)");
  refused(call(&X, nullptr, &T, &T, nullptr, &X16, nullptr), "got (2, 3, 4, 8) of float16");
  refused(call(&T, nullptr, &T, &T, nullptr, &T, nullptr), "query of shape (batch, heads, length, d)");
  refused(call(&X, nullptr, &X, &T, nullptr, &Y, nullptr), "cos of shape (batch or 1, length, r)");
  refused(call(&X, nullptr, &T, &R, nullptr, &Y, nullptr), "sin of shape (batch or 1, length, r)");
  auto bad = T;
  bad.dtype = H;
  refused(call(&X, nullptr, &bad, &T, nullptr, &Y, nullptr), "cos of query's dtype float32 or float32, got float16");
  const int64_t narrow[] = {1, 4, 3}, swapped[] = {96, 8, 24, 1}, columns[] = {96, 1, 3, 12};
  bad = T;
  bad.sizes = narrow;
  refused(call(&X, nullptr, &T, &bad, nullptr, &Y, nullptr), "sin of cos' shape (1, 4, 4)");
  const Array long_table = Array::dense({1, 4, 5}, F);
  const auto L = long_table.view();
  refused(call(&X, nullptr, &L, &L, nullptr, &Y, nullptr), "at most half of d = 8 features, got 5");
  bad = X;
  bad.strides = swapped;
  refused(call(&X, nullptr, &T, &T, nullptr, &bad, nullptr), "in other memory than query or with its strides");
  bad.strides = columns;
  refused(call(&bad, nullptr, &T, &T, nullptr, &Y, nullptr), "query contiguous in its last dimension");
  bad = X;
  bad.data = nullptr;
  refused(call(&bad, nullptr, &T, &T, nullptr, &Y, nullptr), "memory behind query");
  int64_t ids[] = {0, 1, 2, 5};
  const int64_t sizes[] = {1, 4}, short_sizes[] = {1, 3}, gaps[] = {8, 2};
  pytransformers_tensor positions = {ids, sizes, nullptr, 2, PYTRANSFORMERS_INT64};
  REQUIRE(call(&X, nullptr, &R, &R, &positions, &Y, nullptr) == 0, "%s", pytransformers_last_error());
  refused(call(&X, nullptr, &T, &T, &positions, &Y, nullptr), "cos of shape (max_positions, r) with positions");
  for (const int64_t outside : {int64_t{6}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    ids[3] = outside;
    const std::string words = "from 0 to 5, the rows of cos, got " + std::to_string(outside);
    refused(call(&X, nullptr, &R, &R, &positions, &Y, nullptr), words.c_str());
  }
  ids[3] = 5;
  positions.dtype = PYTRANSFORMERS_INT8;
  refused(call(&X, nullptr, &R, &R, &positions, &Y, nullptr), "positions of dtype int32 or int64, got int8");
  positions.dtype = PYTRANSFORMERS_INT64;
  positions.sizes = short_sizes;
  refused(call(&X, nullptr, &R, &R, &positions, &Y, nullptr), "positions of shape (batch or 1, length)");
  positions.sizes = sizes;
  positions.strides = gaps;
  refused(call(&X, nullptr, &R, &R, &positions, &Y, nullptr), "contiguous positions");
  positions.strides = nullptr;
  positions.data = nullptr;
  refused(call(&X, nullptr, &R, &R, &positions, &Y, nullptr), "memory behind positions");
}

}  // namespace

int main() {
  const std::string best = pytransformers_instruction_set();
  for (const char* isa : {"baseline", "avx2", "avx512"}) test_all_numbers(isa);
  REQUIRE(pytransformers_set_instruction_set(best.c_str()) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
  test_empty();
  test_callers_at_once();
  test_refusals();
  std::printf("%ld checks passed on instruction sets up to %s\n", checks.load(), best.c_str());
  return 0;
}
