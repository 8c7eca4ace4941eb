// attention through the C interface, forward and backward: options, sizes and strides drawn at random against double,
// every dtype and instruction set, edge cases, every refusal, and threads. Exits non-zero at the first failure. Built
// with AddressSanitizer and UBSan, or with ThreadSanitizer.
#include <algorithm>
#include <limits>
#include <thread>

#include "testing.h"

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int F = PYTRANSFORMERS_FLOAT32, H = PYTRANSFORMERS_FLOAT16, B = PYTRANSFORMERS_BFLOAT16;

double read(const char* p, int dtype) { return dtype == PYTRANSFORMERS_BOOL ? *p != 0 : decode(p, dtype); }
void write(char* p, int dtype, double v) {
  if (dtype == PYTRANSFORMERS_BOOL) *p = v != 0;
  else encode(p, dtype, v);
}

// Rank 4, in memory of exactly its extent, so that AddressSanitizer sees a step outside.
struct Tensor {
  std::vector<int64_t> sizes, strides;
  int dtype;
  std::unique_ptr<char[]> memory;
  int64_t count;

  // order: which dimension lies how far out in memory; gap: elements between rows of the last dimension.
  Tensor(std::vector<int64_t> sizes_in, int dtype_in, std::vector<int> order = {0, 1, 2, 3}, int64_t gap = 0)
      : sizes(std::move(sizes_in)), strides(sizes.size()), dtype(dtype_in) {
    order.resize(sizes.size());
    int64_t stride = 1;
    for (size_t i = sizes.size(); i-- > 0;) {
      strides[order[i]] = stride;
      stride *= sizes[order[i]];
      if (i + 1 == sizes.size()) stride += gap;
    }
    int64_t last = 0;
    count = 1;
    for (size_t i = 0; i < sizes.size(); ++i) last += (sizes[i] - 1) * strides[i], count *= sizes[i];
    const int64_t bytes = count == 0 ? 0 : (last + 1) * item();
    memory.reset(new char[bytes]);
    std::memset(memory.get(), 0x5a, bytes);
  }
  int64_t item() const {
    return dtype == PYTRANSFORMERS_BOOL ? 1 : dtype == F || dtype == PYTRANSFORMERS_INT32 ? 4 : 2;
  }
  pytransformers_tensor view() const {
    return {memory.get(), sizes.data(), strides.data(), static_cast<int32_t>(sizes.size()), dtype};
  }
  char* at(int64_t a, int64_t b, int64_t c, int64_t d) const {  // a size of 1 is repeated
    const int64_t index[] = {a, b, c, d};
    int64_t offset = 0;
    for (int i = 0; i < 4; ++i) offset += sizes[i] == 1 ? 0 : index[i] * strides[i];
    return memory.get() + offset * item();
  }
  double get(int64_t a, int64_t b, int64_t c, int64_t d) const { return read(at(a, b, c, d), dtype); }
  template <class Draw>
  void fill(Draw draw) {
    for (int64_t a = 0; a < sizes[0]; ++a)
      for (int64_t b = 0; b < sizes[1]; ++b)
        for (int64_t c = 0; c < sizes[2]; ++c)
          for (int64_t d = 0; d < sizes[3]; ++d) write(at(a, b, c, d), dtype, draw());
  }
};

struct Case {
  int dtype = F;
  int64_t batch = 1, key_heads = 1, group = 1, queries = 1, keys = 1, d = 8, dv = 8;
  bool swapped = false, has_mask = false, has_bias = false, alibi = false, causal = false;
  int64_t gap = 0, left = -1, right = -1;
  std::vector<int64_t> mask_sizes, bias_sizes;
  int bias_dtype = F;
  double scale = 0.3, soft_cap = 0, dropout = 0;
  uint64_t seed = 0;
  std::vector<int32_t> query_offsets, key_offsets;
};

uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Whether dropout keeps a weight, as docs/kernels/attention.md defines it.
bool keeps(const Case& c, int64_t b, int64_t h, int64_t i, int64_t j) {
  const uint64_t place = (b * c.key_heads * c.group + h) * c.queries + i, golden = 0x9e3779b97f4a7c15u;
  const uint64_t random = mixed(mixed(c.seed + golden) + place * golden);
  uint32_t x = static_cast<uint32_t>(random) + static_cast<uint32_t>(j) * 0x9e3779b9u;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13) ^ static_cast<uint32_t>(random >> 32)) * 0xc2b2ae35u;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x ^= x >> 13;
  return x >= static_cast<uint32_t>(c.dropout * 0x1p32);
}

struct Tensors {
  Tensor query, key, value, out, lse, dout, dquery, dkey, dvalue, mask, bias, dbias, slopes, query_offsets, key_offsets;
  pytransformers_tensor views[3];
  pytransformers_tensor slope_view, query_offset_view, key_offset_view;

  explicit Tensors(const Case& c)
      : query({c.batch, c.key_heads * c.group, c.queries, c.d}, c.dtype, order(c), c.gap),
        key({c.batch, c.key_heads, c.keys, c.d}, c.dtype, order(c), c.gap),
        value({c.batch, c.key_heads, c.keys, c.dv}, c.dtype, order(c), c.gap),
        out({c.batch, c.key_heads * c.group, c.queries, c.dv}, c.dtype, order(c), c.gap),
        lse({c.batch, c.key_heads * c.group, c.queries}, F),
        dout({c.batch, c.key_heads * c.group, c.queries, c.dv}, c.dtype, order(c), c.gap),
        dquery({c.batch, c.key_heads * c.group, c.queries, c.d}, c.dtype, order(c), c.gap),
        dkey({c.batch, c.key_heads, c.keys, c.d}, c.dtype, order(c), c.gap),
        dvalue({c.batch, c.key_heads, c.keys, c.dv}, c.dtype, order(c), c.gap),
        mask(c.has_mask ? c.mask_sizes : one(), PYTRANSFORMERS_BOOL),
        bias(c.has_bias ? c.bias_sizes : one(), c.bias_dtype),
        dbias(c.has_bias ? c.bias_sizes : one(), c.bias_dtype), slopes({c.key_heads * c.group}, F),
        query_offsets({static_cast<int64_t>(c.query_offsets.size())}, PYTRANSFORMERS_INT32),
        key_offsets({static_cast<int64_t>(c.key_offsets.size())}, PYTRANSFORMERS_INT32) {
    std::copy(c.query_offsets.begin(), c.query_offsets.end(), reinterpret_cast<int32_t*>(query_offsets.memory.get()));
    std::copy(c.key_offsets.begin(), c.key_offsets.end(), reinterpret_cast<int32_t*>(key_offsets.memory.get()));
    for (int64_t h = 0; h < c.key_heads * c.group; ++h) encode(slopes.memory.get() + 4 * h, F, 0.25 / (h + 1));
  }
  static std::vector<int64_t> one() { return {1, 1, 1, 1}; }
  static std::vector<int> order(const Case& c) {
    return c.swapped ? std::vector<int>{0, 2, 1, 3} : std::vector<int>{0, 1, 2, 3};
  }

  void draw(std::mt19937& random) {
    std::normal_distribution<double> normal;
    for (Tensor* array : {&query, &key, &value, &dout, &bias}) array->fill([&] { return normal(random); });
    mask.fill([&] { return random() % 4 != 0; });
  }
  pytransformers_attention_options options(const Case& c) {
    views[0] = mask.view();
    views[1] = bias.view();
    slope_view = slopes.view();
    query_offset_view = query_offsets.view();
    key_offset_view = key_offsets.view();
    const bool packed = !c.query_offsets.empty();
    return {c.has_mask ? &views[0] : nullptr, c.has_bias ? &views[1] : nullptr, c.alibi ? &slope_view : nullptr,
            packed ? &query_offset_view : nullptr, packed ? &key_offset_view : nullptr, c.scale, c.soft_cap, c.dropout,
            c.seed, c.left, c.right, c.causal};
  }
  pytransformers_status forward(const Case& c, const pytransformers_parallel* parallel, bool with_lse = true) {
    const auto o = options(c);
    const auto Q = query.view(), K = key.view(), V = value.view(), O = out.view(), L = lse.view();
    return pytransformers_attention(&Q, &K, &V, &o, &O, with_lse ? &L : nullptr, parallel);
  }
  pytransformers_status backward(const Case& c, const pytransformers_parallel* parallel) {
    const auto o = options(c);
    const auto DO = dout.view(), Q = query.view(), K = key.view(), V = value.view(), O = out.view(), L = lse.view(),
               DQ = dquery.view(), DK = dkey.view(), DV = dvalue.view(), DB = dbias.view();
    return pytransformers_attention_backward(&DO, &Q, &K, &V, &O, &L, &o, &DQ, &DK, &DV, c.has_bias ? &DB : nullptr,
                                             parallel);
  }
};

// The key that query i stands at, and the keys of its sequence.
struct Place { int64_t position, begin, end; };
Place place_of(const Case& c, int64_t i) {
  if (c.query_offsets.empty()) return {i + c.keys - c.queries, 0, c.keys};
  size_t s = 0;
  while (c.query_offsets[s + 1] <= i) ++s;
  const int64_t begin = c.key_offsets[s], end = c.key_offsets[s + 1];
  return {begin + (i - c.query_offsets[s]) + (end - begin) - (c.query_offsets[s + 1] - c.query_offsets[s]), begin, end};
}

void close(const char* name, double value, double exact, double size, const Case& c) {
  const double bound = (c.dtype == F ? 60 : 8) * unit(c.dtype) * (std::fabs(exact) + size) + 1e-6;
  REQUIRE(std::fabs(value - exact) <= bound, "%s %g, exact %g, bound %g; dtype %d (%ld, %ld x %ld, %ld, %ld, %ld, %ld)",
          name, value, exact, bound, c.dtype, long(c.batch), long(c.key_heads), long(c.group), long(c.queries),
          long(c.keys), long(c.d), long(c.dv));
}

void test_numbers(const Case& c, const pytransformers_parallel* parallel, std::mt19937& random) {
  Tensors t(c);
  t.draw(random);
  REQUIRE(t.forward(c, parallel) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
  REQUIRE(t.backward(c, parallel) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
  const int64_t heads = c.key_heads * c.group;
  std::vector<double> dk(c.batch * c.key_heads * c.keys * c.d), dv(c.batch * c.key_heads * c.keys * c.dv);
  std::vector<double> dbias(t.dbias.count), sizes(c.keys + 1);
  double largest = 0;
  const auto limit = [&](int64_t size) { return size < 0 ? int64_t{1} << 40 : size; };
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t g = h / c.group;
      for (int64_t i = 0; i < c.queries; ++i) {
        const Place place = place_of(c, i);
        std::vector<double> s(c.keys, -kInfinity), slope(c.keys, 1.0);
        double highest = -kInfinity, sum = 0;
        for (int64_t j = place.begin; j < place.end; ++j) {
          double dot = 0;
          for (int64_t e = 0; e < c.d; ++e) dot += t.query.get(b, h, i, e) * t.key.get(b, g, j, e);
          dot *= c.scale;
          if (c.soft_cap > 0) {
            const double tanh = std::tanh(dot / c.soft_cap);
            dot = c.soft_cap * tanh;
            slope[j] = 1 - tanh * tanh;
          }
          if (c.has_bias) dot += t.bias.get(b, h, i, j);
          if (c.alibi) dot -= decode(t.slopes.memory.get() + 4 * h, F) * std::fabs(double(place.position - j));
          const int64_t ahead = j - place.position;
          const bool seen = ahead <= (c.causal ? 0 : limit(c.right)) && -ahead <= limit(c.left);
          if (!seen || (c.has_mask && t.mask.get(b, h, i, j) == 0)) continue;
          s[j] = dot;
          highest = std::max(highest, dot);
        }
        for (int64_t j = 0; j < c.keys; ++j) sum += highest == -kInfinity ? 0 : std::exp(s[j] - highest);
        const double lse = decode(t.lse.memory.get() + 4 * ((b * heads + h) * c.queries + i), F);
        if (highest == -kInfinity) REQUIRE(lse == -kInfinity, "lse %g of a row that sees nothing", lse);
        else close("lse", lse, highest + std::log(sum), c.dtype == F ? 1 : 0.3, c);
        std::vector<double> p(c.keys), dropped(c.keys), out(c.dv), dp(c.keys), dq(c.d);
        for (int64_t j = 0; j < c.keys; ++j) {
          p[j] = sum == 0 ? 0 : std::exp(s[j] - highest) / sum;
          dropped[j] = c.dropout == 0 ? p[j] : keeps(c, b, h, i, j) ? p[j] / (1 - c.dropout) : 0;
          for (int64_t e = 0; e < c.dv; ++e) out[e] += dropped[j] * t.value.get(b, g, j, e);
        }
        double delta = 0;
        for (int64_t e = 0; e < c.dv; ++e) {
          if (sum == 0) REQUIRE(t.out.get(b, h, i, e) == 0, "out of a row that sees nothing");
          close("out", t.out.get(b, h, i, e), out[e], 1, c);
          delta += out[e] * t.dout.get(b, h, i, e);
        }
        for (int64_t j = 0; j < c.keys; ++j) {
          double dweight = 0;
          for (int64_t e = 0; e < c.dv; ++e) dweight += t.dout.get(b, h, i, e) * t.value.get(b, g, j, e);
          const double kept = p[j] == 0 ? 0 : dropped[j] / p[j];
          dp[j] = p[j] * (dweight * kept - delta);
          largest = std::max(largest, std::fabs(dp[j]) + p[j] * std::fabs(delta) + p[j]);
          if (c.has_bias) {
            const int64_t at = t.dbias.at(b, h, i, j) - t.dbias.memory.get();
            dbias[at / t.dbias.item()] += dp[j];
          }
          const double ds = dp[j] * slope[j] * c.scale;
          for (int64_t e = 0; e < c.d; ++e) {
            dq[e] += ds * t.key.get(b, g, j, e);
            dk[((b * c.key_heads + g) * c.keys + j) * c.d + e] += ds * t.query.get(b, h, i, e);
          }
          for (int64_t e = 0; e < c.dv; ++e) {
            dv[((b * c.key_heads + g) * c.keys + j) * c.dv + e] += dropped[j] * t.dout.get(b, h, i, e);
          }
        }
        for (int64_t e = 0; e < c.d; ++e) close("dquery", t.dquery.get(b, h, i, e), dq[e], 1 + largest, c);
      }
    }
  }
  const double many = 1 + largest * std::sqrt(double(c.queries * c.group));
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t g = 0; g < c.key_heads; ++g) {
      for (int64_t j = 0; j < c.keys; ++j) {
        const int64_t row = (b * c.key_heads + g) * c.keys + j;
        for (int64_t e = 0; e < c.d; ++e) close("dkey", t.dkey.get(b, g, j, e), dk[row * c.d + e], many, c);
        for (int64_t e = 0; e < c.dv; ++e) close("dvalue", t.dvalue.get(b, g, j, e), dv[row * c.dv + e], many, c);
      }
    }
  }
  for (int64_t i = 0; c.has_bias && i < t.dbias.count; ++i) {
    const double entries = double(c.batch * heads * c.queries * c.keys) / t.dbias.count;
    close("dbias", decode(t.dbias.memory.get() + i * t.dbias.item(), c.bias_dtype), dbias[i],
          largest * (1 + std::sqrt(entries)), c);
  }
}

Case draw_case(std::mt19937& random) {
  const auto pick = [&](std::vector<int64_t> from) { return from[random() % from.size()]; };
  Case c;
  c.dtype = static_cast<int>(pick({F, F, H, B}));
  c.batch = pick({1, 1, 2});
  c.key_heads = pick({1, 2});
  c.group = pick({1, 1, 2, 5});
  c.queries = pick({0, 1, 1, 3, 8, 9, 16, 33, 66});
  c.keys = pick({0, 1, 2, 15, 17, 33, 64, 65, 130, c.queries, c.queries});
  if (random() % 8 == 0) c.keys = 600;  // several parts
  c.d = pick({1, 3, 8, 16, 17, 31, 40});
  c.dv = pick({c.d, c.d, 1, 5, 16, 24});
  if (random() % 16 == 0) c.d = c.dv = pick({72, 128, 256});
  c.swapped = random() % 2;
  c.gap = pick({0, 0, 1, 2});
  const auto broadcast = [&] {
    std::vector<int64_t> sizes = {c.batch, c.key_heads * c.group, c.queries, c.keys};
    for (int64_t& size : sizes) if (random() % 3 == 0) size = 1;
    return sizes;
  };
  if (random() % 8 == 0) {
    c.batch = 1;
    const auto cut = [&](int64_t length) {
      std::vector<int32_t> offsets = {0};
      for (int i = 0; i < 2; ++i) {
        offsets.push_back(offsets.back() + static_cast<int32_t>(random() % (length - offsets.back() + 1)));
      }
      offsets.push_back(static_cast<int32_t>(length));
      return offsets;
    };
    c.query_offsets = cut(c.queries);
    c.key_offsets = cut(c.keys);
  }
  c.has_mask = random() % 3 == 0;
  c.has_bias = random() % 3 == 0;
  c.mask_sizes = broadcast();
  c.bias_sizes = broadcast();
  c.bias_dtype = random() % 2 ? F : c.dtype;
  c.alibi = random() % 5 == 0;
  c.causal = random() % 4 == 0;
  if (random() % 4 == 0) c.left = pick({0, 1, 10, 50});
  if (random() % 4 == 0) c.right = pick({0, 1, 10, 50});
  c.scale = random() % 6 == 0 ? -0.2 : 0.3;
  if (random() % 5 == 0) c.soft_cap = 2;
  if (random() % 5 == 0) c.dropout = 0.4;
  c.seed = random();
  return c;
}

// The same bits with and without threads, and from several callers at once.
void test_threads(std::mt19937& random) {
  for (int round = 0; round < 4; ++round) {
    Case c;
    c.batch = 2;
    c.key_heads = 2;
    c.group = round % 2 ? 4 : 1;
    c.queries = round < 2 ? 1 : 70;
    c.keys = round < 2 ? 1500 : 90;
    c.d = 64;
    c.dv = 64;
    c.has_bias = true;
    c.bias_sizes = {1, 2 * c.group, 1, c.keys};
    c.dtype = round % 2 ? B : F;
    Tensors alone(c);
    alone.draw(random);
    REQUIRE(alone.forward(c, nullptr) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
    REQUIRE(alone.backward(c, nullptr) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&] {
        Tensors t(c);
        const auto copy = [](Tensor& to, const Tensor& from) {
          for (int64_t a = 0; a < to.sizes[0]; ++a)
            for (int64_t b = 0; b < to.sizes[1]; ++b)
              for (int64_t r = 0; r < to.sizes[2]; ++r)
                std::memcpy(to.at(a, b, r, 0), from.at(a, b, r, 0), to.sizes[3] * to.item());
        };
        copy(t.query, alone.query), copy(t.key, alone.key), copy(t.value, alone.value), copy(t.dout, alone.dout);
        copy(t.bias, alone.bias);
        REQUIRE(t.forward(c, pytransformers_thread_pool()) == PYTRANSFORMERS_OK, "forward");
        REQUIRE(t.backward(c, pytransformers_thread_pool()) == PYTRANSFORMERS_OK, "backward");
        const auto same = [](const Tensor& x, const Tensor& y) {
          return std::memcmp(x.memory.get(), y.memory.get(), x.count * x.item()) == 0;
        };
        REQUIRE(same(t.out, alone.out) && same(t.lse, alone.lse), "forward differs with threads");
        REQUIRE(same(t.dquery, alone.dquery) && same(t.dkey, alone.dkey) && same(t.dvalue, alone.dvalue) &&
                    same(t.dbias, alone.dbias), "backward differs with threads");
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
}

// Huge scores, infinities and NaN: what they touch shows it, and nothing else does.
void test_special(std::mt19937& random) {
  for (int64_t queries : {1, 20}) {
    Case c;
    c.queries = queries;
    c.keys = 70;
    c.d = c.dv = 16;
    c.scale = 1e4;
    Tensors t(c);
    t.draw(random);
    REQUIRE(t.forward(c, nullptr) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
    for (int64_t i = 0; i < queries; ++i) {  // nearly all weight is on the greatest score
      REQUIRE(std::isfinite(t.out.get(0, 0, i, 3)), "out of huge scores is %g", t.out.get(0, 0, i, 3));
    }
    c.scale = 0.3;
    encode(t.query.at(0, 0, queries - 1, 2), F, std::nan(""));
    REQUIRE(t.forward(c, nullptr) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
    for (int64_t i = 0; i < queries; ++i) {
      REQUIRE(std::isnan(t.out.get(0, 0, i, 5)) == (i == queries - 1), "row %ld: %g", long(i), t.out.get(0, 0, i, 5));
    }
    encode(t.query.at(0, 0, queries - 1, 2), F, 1.0);
    // What a mask hides may be anything in the keys.
    c.has_mask = true;
    c.mask_sizes = {1, 1, 1, 70};
    Tensors masked(c);
    masked.draw(random);
    masked.mask.fill([i = 0]() mutable { return i++ < 3; });
    for (double value : {std::nan(""), kInfinity, -kInfinity}) {
      for (int64_t e = 0; e < 16; ++e) encode(masked.key.at(0, 0, 10, e), F, value);
      REQUIRE(masked.forward(c, nullptr) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
      for (int64_t i = 0; i < queries; ++i) {
        REQUIRE(std::isfinite(masked.out.get(0, 0, i, 0)), "a masked key shows: %g", masked.out.get(0, 0, i, 0));
      }
    }
  }
}

void test_refusals() {
  Case c;
  c.batch = 2;
  c.key_heads = 2;
  c.group = 2;
  c.queries = 3;
  c.keys = 5;
  c.has_mask = c.has_bias = true;
  c.mask_sizes = {2, 1, 3, 5};
  c.bias_sizes = {1, 4, 3, 5};
  Tensors t(c);
  const auto Q = t.query.view(), K = t.key.view(), V = t.value.view(), O = t.out.view(), L = t.lse.view();
  const auto base = t.options(c);
  using View = pytransformers_tensor;
  const auto call = [&](const View* q, const View* k, const View* v, const View* o, const View* l) {
    return pytransformers_attention(q, k, v, &base, o, l, nullptr);
  };
  const auto sized = [](View view, const int64_t* sizes) { view.sizes = sizes; view.strides = nullptr; return view; };
  const auto typed = [](View view, int dtype) { view.dtype = dtype; return view; };
  refused(call(nullptr, &K, &V, &O, &L), "expected query");
  refused(call(&Q, nullptr, &V, &O, &L), "expected key");
  refused(call(&Q, &K, nullptr, &O, &L), "expected value");
  refused(call(&Q, &K, &V, nullptr, &L), "expected out");
  refused(pytransformers_attention(&Q, &K, &V, nullptr, &O, &L, nullptr), "expected options");
  View bad = Q;
  bad.rank = 3;
  refused(call(&bad, &K, &V, &O, &L), "expected query of shape (batch, heads, q, d)");
  bad.rank = -1;
  refused(call(&bad, &K, &V, &O, &L), "got another rank");
  bad = typed(Q, PYTRANSFORMERS_INT8);
  refused(call(&bad, &K, &V, &O, &L), "float32, float16 or bfloat16");
  bad = typed(K, H);
  refused(call(&Q, &bad, &V, &O, &L), "expected key of query's dtype float32, got float16");
  const int64_t negative[] = {2, 4, -3, 8}, other_d[] = {2, 2, 5, 9}, three[] = {2, 3, 5, 8}, short_v[] = {2, 2, 4, 8},
                no_heads[] = {2, 0, 5, 8}, across[] = {96, 24, 1, 3}, wide_out[] = {2, 4, 3, 9}, two[] = {2, 4, 2},
                long_q[] = {2, 4, int64_t{1} << 31, 8};
  bad = sized(Q, negative);
  refused(call(&bad, &K, &V, &O, &L), "sizes at least 0");
  bad = Q;
  bad.strides = across;
  refused(call(&bad, &K, &V, &O, &L), "contiguous in its last dimension");
  bad = Q;
  bad.data = nullptr;
  refused(call(&bad, &K, &V, &O, &L), "memory behind query");
  bad = sized(Q, long_q);
  refused(call(&bad, &K, &V, &O, &L), "lengths of at most 2^30");
  bad = sized(K, other_d);
  refused(call(&Q, &bad, &V, &O, &L), "match batch and head size");
  bad = sized(K, three);
  refused(call(&Q, &bad, &V, &O, &L), "kv_heads divides");
  bad = sized(K, no_heads);
  refused(call(&Q, &bad, &V, &O, &L), "kv_heads divides");
  bad = sized(V, short_v);
  refused(call(&Q, &K, &bad, &O, &L), "match batch, heads and length");
  bad = sized(O, wide_out);
  refused(call(&Q, &K, &V, &bad, &L), "expected out");
  bad = sized(L, two);
  refused(call(&Q, &K, &V, &O, &bad), "expected lse");
  bad = typed(L, H);
  refused(call(&Q, &K, &V, &O, &bad), "expected lse");

  const auto with = [&](auto change) {
    auto o = base;
    change(o);
    return pytransformers_attention(&Q, &K, &V, &o, &O, &L, nullptr);
  };
  refused(with([](auto& o) { o.scale = NAN; }), "finite scale");
  refused(with([](auto& o) { o.soft_cap = -1; }), "soft_cap");
  refused(with([](auto& o) { o.dropout = 1; }), "dropout");
  refused(with([](auto& o) { o.dropout = NAN; }), "dropout");
  const View byte_mask = typed(t.mask.view(), PYTRANSFORMERS_UINT8), wide_mask = sized(t.mask.view(), three);
  refused(with([&](auto& o) { o.mask = &byte_mask; }), "mask of dtype bool");
  refused(with([&](auto& o) { o.mask = &wide_mask; }), "expected mask of 4 dimensions");
  View flat_mask = t.mask.view();
  flat_mask.rank = 2;
  refused(with([&](auto& o) { o.mask = &flat_mask; }), "expected mask of 4 dimensions");
  const View half_bias = typed(t.bias.view(), H), wide_bias = sized(t.bias.view(), three);
  refused(with([&](auto& o) { o.bias = &half_bias; }), "expected bias of dtype");
  refused(with([&](auto& o) { o.bias = &wide_bias; }), "expected bias of 4 dimensions");
  View slopes = t.slopes.view();
  const int64_t five[] = {5};
  slopes.sizes = five;
  refused(with([&](auto& o) { o.alibi_slopes = &slopes; }), "alibi_slopes of shape (4,)");
  int32_t numbers[] = {0, 2, 3}, falling[] = {0, 4, 3};
  const int64_t size[] = {3}, size2[] = {2};
  const View offsets = {numbers, size, nullptr, 1, PYTRANSFORMERS_INT32};
  const View wrong = {falling, size, nullptr, 1, PYTRANSFORMERS_INT32};
  refused(with([&](auto& o) { o.query_offsets = &offsets; }), "query_offsets and key_offsets together");
  refused(with([&](auto& o) { o.query_offsets = o.key_offsets = &offsets; }), "batch 1");
  Case packed = c;
  packed.batch = 1;
  packed.keys = 3;
  packed.has_mask = packed.has_bias = false;
  Tensors p(packed);
  const auto PQ = p.query.view(), PK = p.key.view(), PV = p.value.view(), PO = p.out.view();
  const auto pack = [&](View q, View k) {
    auto o = p.options(packed);
    o.query_offsets = &q;
    o.key_offsets = &k;
    return pytransformers_attention(&PQ, &PK, &PV, &o, &PO, nullptr, nullptr);
  };
  refused(pack(wrong, offsets), "query_offsets rising from 0");
  refused(pack(offsets, wrong), "key_offsets rising from 0");
  refused(pack(typed(offsets, PYTRANSFORMERS_INT64), offsets), "dtype int32");
  int32_t whole[] = {0, 3};
  refused(pack(offsets, {whole, size2, nullptr, 1, PYTRANSFORMERS_INT32}), "as many query_offsets");

  const auto DO = t.dout.view(), DQ = t.dquery.view(), DK = t.dkey.view(), DV = t.dvalue.view(), DB = t.dbias.view();
  const auto back = [&](const View* lse, const View* dout, const View* dq, const View* dk, const View* dv,
                        const View* db, bool with_bias = true) {
    auto o = base;
    if (!with_bias) o.bias = nullptr;
    return pytransformers_attention_backward(dout, &Q, &K, &V, &O, lse, &o, dq, dk, dv, db, nullptr);
  };
  refused(back(nullptr, &DO, &DQ, &DK, &DV, &DB), "expected lse");
  refused(back(&L, nullptr, &DQ, &DK, &DV, &DB), "expected dout");
  refused(back(&L, &DO, nullptr, &DK, &DV, &DB), "expected dquery");
  refused(back(&L, &DO, &DQ, &DV, nullptr, &DB), "expected dvalue");
  refused(back(&L, &DO, &DQ, &DO, &DV, &DB), "expected dkey of key's shape");
  refused(back(&L, &DO, &DQ, &DK, &DV, &DB, false), "dbias only with bias");
  refused(back(&L, &DO, &DQ, &DK, &DV, &DK), "dbias of bias's shape");
}

}  // namespace

int main() {
  const std::string best = pytransformers_instruction_set();
  std::mt19937 random(11);
  for (const char* isa : {"baseline", "avx2", "avx512", "avx512_bf16"}) {
    if (pytransformers_set_instruction_set(isa) != PYTRANSFORMERS_OK) {
      std::printf("%s: not on this processor\n", isa);
      continue;
    }
    for (int i = 0; i < 150; ++i) {
      test_numbers(draw_case(random), i % 4 ? nullptr : pytransformers_thread_pool(), random);
    }
    test_special(random);
  }
  REQUIRE(pytransformers_set_instruction_set(best.c_str()) == PYTRANSFORMERS_OK, "%s", pytransformers_last_error());
  test_threads(random);
  test_refusals();
  std::printf("%ld checks passed on instruction sets up to %s\n", checks.load(), best.c_str());
  return 0;
}
