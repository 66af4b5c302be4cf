// Other work of ours: presigned URLs, requests without a body, the signature of a response.
import { checkAnswer } from '@countersign/client';
import { figure } from './compare.mjs';
import { floorOfSign, floorOfVerify } from './floor.mjs';
import { mustAccept, newSigner, newVerifier, viewOf } from './ours.mjs';
import { BODY, HOST, offTheWire, TARGET, TYPE, URL_TEXT } from './request.mjs';
import { inTurns } from './rounds.mjs';

const FLOORS = [
  { name: 'signing', run: () => floorOfSign() },
  { name: 'verifying', run: () => floorOfVerify() },
  { name: 'signing, no body', run: () => floorOfSign(null) },
  { name: 'verifying, no body', run: () => floorOfVerify(null) },
];
const ANSWER = { status: 200, headers: { 'Content-Type': TYPE }, body: BODY };
const signer = newSigner();
const verifier = newVerifier();
const presigning = newVerifier({ presigned: true });
const responding = newVerifier({ signResponses: true });
const presigned = () => signer.presign(URL_TEXT, { expiresIn: 3600 });
const viewOfUrl = (url) => ({
  method: 'GET',
  target: offTheWire(url.slice(`https://${HOST}`.length)),
  headers: ['Host', HOST].map(offTheWire),
});
const verify = (view) => verifier.verify(view);

const WORK = [
  {
    name: 'sign, no body',
    floor: 'signing, no body',
    run: () => signer.sign({ method: 'GET', url: URL_TEXT }),
  },
  {
    name: 'verify, no body',
    floor: 'verifying, no body',
    prepare: () => viewOf(signer, { body: undefined }),
    run: verify,
    check: mustAccept,
  },
  { name: 'presign', floor: 'signing, no body', run: presigned },
  {
    name: 'verify a presigned URL',
    floor: 'verifying, no body',
    prepare: () => viewOfUrl(presigned()),
    run: (view) => presigning.verify(view),
    check: mustAccept,
  },
  {
    name: 'sign a response',
    floor: 'signing',
    prepare: async () => mustAccept(await responding.verify(viewOf(signer))),
    run: (verdict) => responding.signResponse(verdict, ANSWER),
  },
];

export async function otherWork(options) {
  await proveResponse();
  const figures = await inTurns([...FLOORS, ...WORK], options);
  return WORK.map(({ name, floor }) => ({ name, floor, ...figure(figures, name, floor) }));
}

/** That what is timed is a signature that a client believes. */
async function proveResponse() {
  const attempt = signer.attempt({ method: 'GET', url: URL_TEXT });
  const headers = Object.entries({ Host: HOST, ...attempt.headers }).flat();
  const verdict = mustAccept(await responding.verify({ method: 'GET', target: TARGET, headers }));
  const fields = responding.signResponse(verdict, ANSWER);
  const received = { ...ANSWER, headers: Object.entries({ ...ANSWER.headers, ...fields }).flat() };
  const fault = checkAnswer(attempt, received);
  if (fault !== undefined) throw new Error(`a response is not believed: ${fault.detail}`);
  if (checkAnswer(attempt, { ...received, status: 201 }) === undefined) {
    throw new Error('an altered response is believed');
  }
}
