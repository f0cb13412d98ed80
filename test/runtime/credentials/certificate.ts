import { generateKeyPairSync, sign } from 'node:crypto';

// A self-signed certificate for 127.0.0.1, ::1 and localhost. Each test run creates a new one, so no file in the repository
// can expire, and openssl is not needed. X.509 needs only the few lines of DER (X.690) below.

const tlv = (tag: number, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const length = body.length < 128 ? [body.length] : [0x82, Math.floor(body.length / 256), body.length % 256];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...content: Buffer[]) => tlv(0x30, ...content);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Buffer) => tlv(0x04, content);
const text = (tag: number, value: string) => tlv(tag, Buffer.from(value, 'latin1'));

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export function selfSigned(commonName = 'test'): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const name = sequence(tlv(0x31, sequence(oid('550403'), text(0x0c, commonName))));
  const ipv6Loopback = Buffer.alloc(16);
  ipv6Loopback[15] = 1;
  const alternativeNames = sequence(
    tlv(0x87, Buffer.from([127, 0, 0, 1])),
    tlv(0x87, ipv6Loopback),
    text(0x82, 'localhost'),
  );
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(text(0x17, '200101000000Z'), text(0x18, '99991231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(
      0xa3,
      sequence(
        sequence(oid('551d13'), tlv(0x01, Buffer.from([0xff])), octets(sequence(tlv(0x01, Buffer.from([0xff]))))),
        sequence(oid('551d11'), octets(alternativeNames)),
      ),
    ),
  );
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey));
  const lines = sequence(toBeSigned, ecdsaWithSha256, signature)
    .toString('base64')
    .match(/.{1,64}/g)!;
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}
