import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  HttpException,
  SetMetadata,
} from '@nestjs/common';
import { type NodeRequest, type NodeResponse, nodeRequestView } from '../node-http/node-request.js';
import { signWhenEnded } from '../node-http/sign-response.js';
import { needsVersion } from '../supported-version.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier } from '../verifier.js';
import type { RouteOptions } from '../verifier-rules.js';

const ROUTE = 'countersign:route';
const ADVICE = 'Have Nest keep the bytes:\nawait NestFactory.create(AppModule, { rawBody: true });';

interface NestRequest {
  readonly raw?: NodeRequest;
  readonly originalUrl?: string;
  readonly rawBody?: Uint8Array;
  caller?: Accepted | undefined;
}
type NestResponse = NodeResponse & { readonly raw?: NodeResponse };

/** Decorator for a controller or a handler with rules of its own. */
export function Signed(options: RouteOptions): ReturnType<typeof SetMetadata> {
  return SetMetadata(ROUTE, options);
}

/** Decorator for a parameter: who called; `undefined` where no credentials are needed and none came. */
export const Caller: (...pipes: never[]) => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext) =>
    context.switchToHttp().getRequest<NestRequest>().caller,
);

/**
 * Guard for NestJS, on Express and on Fastify. Body parsers run before guards, so Nest must keep the bytes.
 *
 * @throws Error if the installed Nest is another version
 * @example
 * const app = await NestFactory.create(AppModule, { rawBody: true });
 * app.useGlobalGuards(new CountersignGuard(verifier));
 */
export class CountersignGuard implements CanActivate {
  readonly #verifier: OptionalVerifier;
  readonly #routes = new Map<RouteOptions, OptionalVerifier>();

  constructor(verifier: OptionalVerifier) {
    needsVersion('@nestjs/common', [11, 12], import.meta.url);
    this.#verifier = verifier;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<NestRequest & NodeRequest>();
    const response = context.switchToHttp().getResponse<NestResponse>();
    const [incoming, outgoing] = [request.raw ?? request, response.raw ?? response];
    const verifier = this.#verifierOf(context);
    const { originalUrl: target, rawBody } = request;
    const view = nodeRequestView(incoming, outgoing, { target, rawBody, advice: ADVICE });
    const verdict = await verifier.verify(view);
    if (verdict.verdict === 'refused') {
      const { status, headers, body } = verifier.answer(verdict);
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
      signWhenEnded(verifier, verdict, incoming, outgoing); // what an exception filter makes of it
      throw new HttpException(JSON.parse(body), status, { cause: verdict });
    }
    if (verdict.verdict === 'accepted') {
      request.caller = verdict;
      signWhenEnded(verifier, verdict, incoming, outgoing);
    }
    return true;
  }

  #verifierOf(context: ExecutionContext): OptionalVerifier {
    const { getMetadata } = Reflect as unknown as {
      getMetadata(key: string, target: object): RouteOptions | undefined;
    };
    const options =
      getMetadata(ROUTE, context.getHandler()) ?? getMetadata(ROUTE, context.getClass());
    if (options === undefined) return this.#verifier;
    const known = this.#routes.get(options) ?? this.#verifier.route(options);
    this.#routes.set(options, known);
    return known;
  }
}
