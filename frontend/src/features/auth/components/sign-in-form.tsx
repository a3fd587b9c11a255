/** The form itself. Paste and password managers work; a refusal is read out and the focus goes back to the field to correct. */
import { Eye, EyeOff } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { useSignIn } from "@/features/auth/api/sign-in";
import { SignInError } from "@/features/auth/components/sign-in-error";
import { toProblem } from "@/lib/problem";

export interface Credentials {
  email: string;
  password: string;
}

interface SignInFormProps {
  credentials: Credentials;
  onChange: (credentials: Credentials) => void;
  onSignedIn: () => void;
}

const field =
  "h-10 w-full rounded-md border border-line-strong bg-surface px-3 text-base outline-offset-0 aria-invalid:border-bad sm:text-sm";

export function SignInForm({ credentials, onChange, onSignedIn }: SignInFormProps) {
  const { t } = useTranslation();
  const signIn = useSignIn();
  const [shown, setShown] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  const correct = () => {
    password.current?.focus();
    password.current?.select();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (signIn.isPending) return;
    signIn.mutate(credentials, { onSuccess: onSignedIn, onError: correct });
  };
  const invalid = toProblem(signIn.error).status === 401 || undefined;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {signIn.isError && <SignInError error={signIn.error} />}
      <div className="flex flex-col gap-1.5">
        <label htmlFor="email" className="font-medium text-[0.8125rem]">
          {t("signIn.email")}
        </label>
        <input
          id="email"
          name="email"
          type="email"
          autoComplete="username"
          required
          aria-invalid={invalid}
          value={credentials.email}
          onChange={(event) => onChange({ ...credentials, email: event.target.value })}
          className={field}
        />
      </div>
      <div className="flex flex-col gap-1.5">
        <label htmlFor="password" className="font-medium text-[0.8125rem]">
          {t("signIn.password")}
        </label>
        <div className="relative">
          <input
            ref={password}
            id="password"
            name="password"
            type={shown ? "text" : "password"}
            autoComplete="current-password"
            required
            aria-invalid={invalid}
            value={credentials.password}
            onChange={(event) => onChange({ ...credentials, password: event.target.value })}
            className={`${field} pe-10`}
          />
          <button
            type="button"
            aria-label={t(shown ? "signIn.hidePassword" : "signIn.showPassword")}
            onClick={() => setShown(!shown)}
            className="absolute inset-y-0 end-0 grid w-10 place-items-center rounded-md text-ink-3 hover:text-ink"
          >
            {shown ? <EyeOff aria-hidden className="size-4" /> : <Eye aria-hidden className="size-4" />}
          </button>
        </div>
      </div>
      <Button type="submit" look="primary" size="md" className="mt-1 w-full" aria-disabled={signIn.isPending}>
        {t(signIn.isPending ? "signIn.submitting" : "signIn.submit")}
      </Button>
    </form>
  );
}
