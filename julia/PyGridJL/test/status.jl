# How solvers end, told by a stand-in.
function ended(termination, primal, value; bound = NaN, integer = true)
    mock = MOI.Utilities.MockOptimizer(MOI.Utilities.UniversalFallback(MOI.Utilities.Model{Float64}()))
    model = JuMP.direct_model(mock)
    x = JuMP.@variable(model)
    integer && JuMP.set_binary(x)
    JuMP.@constraint(model, x >= 0.25)
    JuMP.@objective(model, Min, 2x)
    MOI.Utilities.set_mock_optimize!(
        mock,
        m -> begin
            MOI.Utilities.mock_optimize!(m, termination, (primal, [value]))
            isnan(bound) || MOI.set(m, MOI.ObjectiveBound(), bound)
        end,
    )
    JuMP.optimize!(model)
    return model
end

@testset "status" begin
    @testset "what is an answer" begin
        for (primal, value, integer, want) in (
            (MOI.FEASIBLE_POINT, 1.0, true, true),
            (MOI.NEARLY_FEASIBLE_POINT, 1.0, true, true),
            (MOI.FEASIBLE_POINT, NaN, true, false),
            (MOI.INFEASIBLE_POINT, 1.0, true, false),
            # Incumbents whose status is left open count if they keep the constraints.
            (MOI.UNKNOWN_RESULT_STATUS, 1.0, true, true),
            (MOI.UNKNOWN_RESULT_STATUS, 0.0, true, false),
            (MOI.UNKNOWN_RESULT_STATUS, 0.5, true, false),
            (MOI.UNKNOWN_RESULT_STATUS, NaN, true, false),
            # Iterates do not.
            (MOI.UNKNOWN_RESULT_STATUS, 1.0, false, false),
        )
            model = ended(MOI.TIME_LIMIT, primal, value; integer)
            @test PyGridJL.has_point(model) == want
            @test PyGridJL.outcome(model) == "time_limit"
        end
    end

    @testset "what is a proof" begin
        for (termination, primal, proven, want) in (
            (MOI.OPTIMAL, MOI.FEASIBLE_POINT, true, "optimal"),
            (MOI.OPTIMAL, MOI.FEASIBLE_POINT, false, "feasible"),
            (MOI.OPTIMAL, MOI.NO_SOLUTION, true, "not_found"),
            (MOI.LOCALLY_SOLVED, MOI.FEASIBLE_POINT, true, "feasible"),
            (MOI.ALMOST_OPTIMAL, MOI.NEARLY_FEASIBLE_POINT, true, "feasible"),
            (MOI.LOCALLY_INFEASIBLE, MOI.INFEASIBLE_POINT, true, "not_found"),
            (MOI.INFEASIBLE, MOI.NO_SOLUTION, true, "infeasible"),
            (MOI.INFEASIBLE, MOI.NO_SOLUTION, false, "not_found"),
            (MOI.INFEASIBLE_OR_UNBOUNDED, MOI.NO_SOLUTION, true, "not_found"),
            (MOI.NUMERICAL_ERROR, MOI.UNKNOWN_RESULT_STATUS, true, "not_found"),
            (MOI.ITERATION_LIMIT, MOI.FEASIBLE_POINT, true, "feasible"),
        )
            @test PyGridJL.outcome(ended(termination, primal, 1.0; integer = false); proven) == want
        end
    end

    @testset "a solver's infinity is no bound" begin
        for (told, want) in ((0.5, 0.5), (-1e20, NaN), (-3e22, NaN), (-Inf, NaN))
            model = ended(MOI.TIME_LIMIT, MOI.FEASIBLE_POINT, 1.0; bound = told)
            @test PyGridJL.proven_bound(model) === want
        end
    end
    @testset "a bound above the answer is rounding or a contradiction" begin
        notes = String[]
        @test PyGridJL.reconciled("optimal", 1.0, 2.0, notes) == ("optimal", 1.0)
        @test PyGridJL.reconciled("optimal", 2.0 + 1e-7, 2.0, notes) == ("optimal", 2.0)
        @test isempty(notes)
        status, bound = PyGridJL.reconciled("optimal", 2.1, 2.0, notes)
        @test status == "feasible"
        @test isnan(bound)
        @test occursin("contradicts", only(notes))
    end
end
