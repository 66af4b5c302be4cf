const TABLE = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0);
  TABLE[byte] = crc;
}

/** The slot of a Redis Cluster, 0–16,383, that an ASCII key belongs to: CRC-16/XMODEM of the key, or of its first `{tag}`. */
export function keySlot(key: string): number {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  const [from, to] = close > open + 1 ? [open + 1, close] : [0, key.length];
  let crc = 0;
  for (let i = from; i < to; i++) {
    crc = ((crc << 8) ^ (TABLE[((crc >> 8) ^ key.charCodeAt(i)) & 0xff] as number)) & 0xffff;
  }
  return crc & 16_383;
}
