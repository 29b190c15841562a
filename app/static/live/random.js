// PyTorch's random numbers on a CPU, so that a seed means the same attack here as on the command line.
export class Twister {
  // The Mersenne Twister (Matsumoto and Nishimura 1998), seeded as torch.Generator().manual_seed does.
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, before) + i;
    }
    this.place = 624;
  }
  #turn() {
    const s = this.state;
    for (let i = 0; i < 624; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
      s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.place = 0;
  }
  next() {
    if (this.place === 624) this.#turn();
    let y = this.state[this.place++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }
}

// Budget.random_start: `count` numbers drawn uniformly from -epsilon to epsilon.
export function randomStart(count, epsilon, seed) {
  const twister = new Twister(seed);
  const size = Math.fround(epsilon);
  return Float32Array.from({ length: count }, () => (2 * ((twister.next() & 0xffffff) / 2 ** 24) - 1) * size);
}

// attacks.base.mini_batches: endless mini-batches of numbers below n; each pass has every number once.
export function* miniBatches(n, size, seed) {
  const twister = new Twister(seed);
  while (true) {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const other = i + (twister.next() % (n - i));
      [order[i], order[other]] = [order[other], order[i]];
    }
    for (let start = 0; start < n; start += size) yield order.subarray(start, start + size);
  }
}
