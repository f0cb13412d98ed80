import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { generate, htpasswd, pick, type RandomSource } from '../../../runtime/credentials/generators';
import type { RandomGenerator } from '../../../runtime/credentials/plan';

/** Random bytes that fast-check can print and repeat if a property fails. */
const source = fc.infiniteStream(fc.integer({ min: 0, max: 255 })).map((stream): RandomSource => {
  return (bytes) => Buffer.from(Array.from({ length: bytes }, () => stream.next().value as number));
});

test.each<[RandomGenerator, RegExp]>([
  ['password', /^[A-Za-z0-9]{32}$/],
  ['access-key', /^[A-Z0-9]{20}$/],
  ['fernet', /^[-_A-Za-z0-9]{43}=$/],
  ['token', /^[0-9a-f]{64}$/],
])('%s has its alphabet and length for any random bytes', (kind, pattern) => {
  fc.assert(fc.property(source, (random) => pattern.test(generate(kind, random))));
  expect(generate(kind, randomBytes)).not.toBe(generate(kind, randomBytes));
});

test('a Fernet key is 32 bytes in URL-safe base64', () => {
  const bytes = Buffer.alloc(32, 0xfb);
  bytes[31] = 0xff;
  const key = generate('fernet', () => bytes);
  expect(key).toMatch(/[-_]/);
  expect(Buffer.from(key, 'base64url')).toEqual(bytes);
});

test.each([62, 36, 10])('each of %i characters has the same probability', (size) => {
  const alphabet = Array.from({ length: size }, (_, index) => String.fromCharCode(256 + index)).join('');
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => 255 - index));
  const share = Math.floor(256 / size);
  let next = 0;
  const text = pick(alphabet, share * size, (bytes) => {
    const given = everyByte.subarray(next, next + bytes);
    next += bytes;
    return given;
  });
  const counts = [...alphabet].map((character) => text.split(character).length - 1);
  expect(counts).toEqual(Array.from({ length: size }, () => share));
  // The bytes that do not divide evenly come first and are skipped, so all 256 bytes are read.
  expect(next).toBe(256);
});

test('generated passwords use all characters about equally often', () => {
  const text = Array.from({ length: 4000 }, () => generate('password', randomBytes)).join('');
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const expected = text.length / 62;
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(counts.size).toBe(62);
  // 61 degrees of freedom: the value is above 150 about once in a hundred million runs. With the plain remainder of a byte
  // it is about 800.
  expect(chiSquare).toBeLessThan(150);
});

test("an htpasswd line has the salted SHA-1 of the password, in nginx's form", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9.-]+$/), fc.string(), source, (username, password, random) => {
      const line = htpasswd(username, password, random);
      const [, name, scheme, encoded] = /^([^:]+):(\{SSHA\})([A-Za-z0-9+/]+=*)\n$/.exec(line)!;
      expect([name, scheme]).toEqual([username, '{SSHA}']);
      const decoded = Buffer.from(encoded, 'base64');
      const salt = decoded.subarray(20);
      expect(salt.length).toBeGreaterThanOrEqual(8);
      expect(salt.length).toBeLessThanOrEqual(16);
      const again = createHash('sha1')
        .update(Buffer.concat([Buffer.from(password), salt]))
        .digest();
      expect(decoded.subarray(0, 20)).toEqual(again);
    }),
  );
  expect(htpasswd('a', 'b', randomBytes)).not.toBe(htpasswd('a', 'b', randomBytes));
});
