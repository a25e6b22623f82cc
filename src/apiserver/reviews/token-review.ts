/** Whose token is it? Source: Kubernetes API reference, TokenReview. */
import type { TokenReviewSpec, TokenReviewStatus } from "kubernetes-types/authentication/v1";
import { badRequest } from "../../api/status.ts";
import type { ServerContext } from "../context.ts";
import { userInfoOf } from "./user-info.ts";

export async function tokenReview(
  { tokens }: ServerContext,
  { token, audiences = [] }: TokenReviewSpec,
): Promise<TokenReviewStatus> {
  if (!token) throw badRequest("token is required for TokenReview in authentication");
  const verdict = await tokens.judge(token, audiences.length > 0 ? audiences : undefined);
  if (!verdict.ok) return { user: {}, error: verdict.reason };
  return { authenticated: true, user: userInfoOf(verdict.user), audiences: [...verdict.audiences] };
}
