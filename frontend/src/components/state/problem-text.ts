/** The words of a problem: the server's where it has some, ours where no server answered. */
import { useTranslation } from "react-i18next";
import type { ApiProblem } from "@/lib/problem";

interface ProblemText {
  what: string;
  why: string | undefined;
  fix: string | undefined;
}

export function useProblemText(problem: ApiProblem): ProblemText {
  const { t } = useTranslation();
  if (problem.code === "unreachable") {
    return {
      what: t("problem.unreachable"),
      why: t("problem.unreachableWhy"),
      fix: t("problem.unreachableFix"),
    };
  }
  if (problem.status === 0) {
    return { what: t("problem.unexpected"), why: problem.message, fix: t("problem.unexpectedFix") };
  }
  const why = problem.message === problem.title ? undefined : problem.message;
  if (problem.status === 403) {
    return { what: t("problem.forbidden"), why, fix: problem.fix ?? t("problem.forbiddenFix") };
  }
  return { what: problem.title, why, fix: problem.fix };
}
