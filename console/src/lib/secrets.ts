const kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
// The 43rd character of an EncodingAESKey carries 4 bits; strict decoders want the two below them zero.
const kLastLetters = "AEIMQUYcgkosw048";

function pick(letters: string): string {
  // Rejection keeps every letter equally likely.
  const bound = 256 - (256 % letters.length);
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < bound) return letters[byte % letters.length];
  }
}

export function randomToken(length = 32): string {
  return Array.from({ length }, () => pick(kLetters)).join("");
}

export function randomAesKey(): string {
  return randomToken(42) + pick(kLastLetters);
}
