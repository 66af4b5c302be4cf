export {
  answerPayloadFault,
  checkPayload,
  type Payload,
  type PayloadAnswer,
  type PayloadCode,
  type PayloadFault,
} from './payload/payload.js';
